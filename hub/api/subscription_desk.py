"""What every call on subscriptions works with. In: a request. Out: a desk: connections, the way out, keys, the time.

While a receiver is asked for its consent no connection to the database is held: it may take its time.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from hub import subscribe
from hub.api.wiring import Rings, RingsHere, wiring_of
from hub.clock import Clock
from hub.domain.subscription import Subscription, Wish
from hub.errors import NotAllowed, NotFound
from hub.outbound import Outbound
from hub.outbound.handshake import origin_of
from hub.settings import Settings
from hub.store.keys import Keys
from hub.store.pool import Connection
from hub.tokens import Caller, Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The parts that one call needs; `borrow` lends a connection for as long as it is used, `now` tells the time."""

    borrow: Callable[[], AbstractAsyncContextManager[Connection]]
    outbound: Outbound
    settings: Settings
    now: Clock
    rings: Rings

    @property
    def keys(self) -> Keys:
        """The keys that seal secrets."""
        return self.settings.sealing_keys

    async def agree(self, wish: Wish) -> int | None:
        """Ask the receiver for its consent and return the rate it allows."""
        return await subscribe.agree(self.outbound, wish, origin_of(self.settings.http.address), self.keys)

    async def note(
        self,
        c: Connection,
        action: str,
        caller: Caller,
        sides: tuple[Subscription | None, Subscription],
        **more: Any,  # noqa: ANN401 - what else is to be known of it
    ) -> None:
        """Note in the audit what the caller did to a subscription."""
        await subscribe.note(c, action, caller.subject, sides, self.now(), **more)

    def ring(self) -> None:
        """Let forwarders know, when this is committed, that who is sent to has changed, and what is due."""
        self.rings.ring("destinations")
        self.rings.ring("lanes")


def _outbound(request: Request) -> Outbound:
    """Give the one way out of this application, made when it is first needed."""
    state = request.app.state
    if not hasattr(state, "outbound"):
        state.outbound = Outbound(wiring_of(request.scope).settings.webhook)
    found: Outbound = state.outbound
    return found


def _desk(request: Request, rings: RingsHere) -> Desk:
    wiring, shared = wiring_of(request.scope), request.scope.get("hub.connection")
    return Desk(
        borrow=wiring.open_pool.acquire if shared is None else lambda: nullcontext(shared),
        outbound=_outbound(request),
        settings=wiring.settings,
        now=wiring.clock,
        rings=rings,
    )


DeskHere = Annotated[Desk, Depends(_desk)]


def own_oin(caller: Caller) -> str:
    """Return the supplier that a subscription is made for."""
    if caller.oin is None:
        raise NotAllowed("a subscription takes a token of exactly one supplier (claim `oin`)")
    return caller.oin


def may_read(caller: Caller, subscription: Subscription) -> bool:
    """Say whether a caller may know of a subscription: its owner, and operations."""
    is_own = caller.has(Role.LAS) and subscription.supplier_oin in caller.oins
    return is_own or caller.has(Role.OPERATIONS)


def readable(subscription: Subscription | None, caller: Caller) -> Subscription:
    """Return a subscription that this caller may read; `NotFound` otherwise."""
    if subscription is None or not may_read(caller, subscription):
        raise NotFound("there is no such subscription")
    return subscription


def own(subscription: Subscription | None, caller: Caller) -> Subscription:
    """Return a subscription that is this caller's own; `NotFound` otherwise."""
    if subscription is None or subscription.supplier_oin not in caller.oins:
        raise NotFound("there is no such subscription")
    return subscription
