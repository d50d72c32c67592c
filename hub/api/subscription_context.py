"""What calls on subscriptions work with. In: a request. Out: a context: connections, HTTP client, keys, clock.

While a receiver is asked for its consent no connection to the database is held: it may take its time.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request

from hub import subscribe
from hub.access import Caller
from hub.access.rules import may_change_subscription, may_read_subscription
from hub.api.state import NotificationsHere, PendingNotifications, app_state, borrow, outside
from hub.clock import Clock
from hub.domain.subscription import Subscription, SubscriptionOptions
from hub.errors import NotFound
from hub.outbound import Outbound
from hub.outbound.handshake import origin_of
from hub.settings import Settings
from hub.store.keys import Keys
from hub.store.pool import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionContext:
    """What one call needs.

    `borrow` provides a connection for a part of the call; whoever waits for a supplier's receiver does so in `outside`,
    where no connection is held; `now` is the clock.
    """

    borrow: Callable[[], AbstractAsyncContextManager[Connection]]
    outside: Callable[[str], AbstractAsyncContextManager[None]]
    outbound: Outbound
    settings: Settings
    now: Clock
    notifications: PendingNotifications

    @property
    def keys(self) -> Keys:
        """The keys that seal secrets."""
        return self.settings.sealing_keys

    async def obtain_consent(self, oin: str, options: SubscriptionOptions) -> int | None:
        """Ask a supplier's receiver for its consent and return the rate it allows."""
        origin = origin_of(self.settings.http.address)
        async with self.outside(oin):
            return await subscribe.obtain_consent(self.outbound, options, origin, self.keys)

    async def write_entry(
        self,
        c: Connection,
        action: str,
        caller: Caller,
        sides: tuple[Subscription | None, Subscription],
        **more: Any,  # noqa: ANN401 - what else is to be known of it
    ) -> None:
        """Write the audit entry of what the caller did to a subscription."""
        await subscribe.write_entry(c, action, caller.subject, sides, self.now(), **more)

    def notify(self) -> None:
        """Let forwarders know, when this is committed, that who is sent to has changed, and what is due."""
        self.notifications.notify("destinations")
        self.notifications.notify("lanes")


def _outbound(request: Request) -> Outbound:
    """Return the one client to receivers of this application; the first call creates it."""
    state = request.app.state
    if not hasattr(state, "outbound"):
        state.outbound = Outbound(app_state(request.scope).settings.webhook)
    found: Outbound = state.outbound
    return found


async def _context(request: Request, notifications: NotificationsHere) -> SubscriptionContext:
    state = app_state(request.scope)
    return SubscriptionContext(
        borrow=partial(borrow, request),
        outside=partial(outside, request),
        outbound=_outbound(request),
        settings=state.settings,
        now=state.clock,
        notifications=notifications,
    )


SubscriptionContextHere = Annotated[SubscriptionContext, Depends(_context)]


def require_readable(subscription: Subscription | None, caller: Caller) -> Subscription:
    """Return a subscription that this caller may read; raise `NotFound` otherwise."""
    if subscription is None or not may_read_subscription(caller, subscription):
        raise NotFound("there is no such subscription")
    return subscription


def require_own(subscription: Subscription | None, caller: Caller) -> Subscription:
    """Return a subscription that this caller may change; raise `NotFound` otherwise."""
    if subscription is None or not may_change_subscription(caller, subscription):
        raise NotFound("there is no such subscription")
    return subscription
