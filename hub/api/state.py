"""What requests share and need: settings, a connection, the time, notifications of what they committed.

With an `Idempotency-Key` the connection is inside a transaction that also stores the response (`hub.api.keyed_work`);
otherwise the caller of a use case opens its own. Whoever waits for the outside does so in `outside`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope

from hub.access.verify import Verifier
from hub.api.at_once import AtOnce, ReceiverCalls
from hub.api.changes import ChangeGroups
from hub.api.keyed_work import KeyedWork
from hub.clock import Clock
from hub.login.provider import Provider
from hub.observe.statement_making import StatementMaker
from hub.settings import Settings
from hub.store.notifications import Channel
from hub.store.pool import Connection, Pool
from hub.store.wakeups import Notifier


@dataclass(kw_only=True, slots=True)
class AppState:
    """What all requests share; the pool is open while the application runs."""

    settings: Settings
    verifier: Verifier
    clock: Clock
    provider: Provider | None = None
    pool: Pool | None = None
    chore_ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a chore of the running application ended, which `ended_by` says."""
    ended_by: Exception | None = None
    watching_pool: Pool | None = None
    """The one of those who watch over the hub, who so stand in no queue of callers."""
    notifiers: dict[Channel, Notifier] = field(default_factory=dict)
    pseudonyms: OrderedDict[str, str] = field(default_factory=OrderedDict)
    snapshot_readers: set[str] = field(default_factory=set)
    """The subjects of callers to whom a snapshot is being sent."""
    statements: StatementMaker = field(default_factory=StatementMaker)
    keyed_calls: AtOnce = field(init=False)
    receiver_calls: ReceiverCalls = field(init=False)
    _changes: ChangeGroups | None = None

    def __post_init__(self) -> None:
        limits = self.settings.limits
        self.keyed_calls = AtOnce(limits.keyed_at_once, "requests with an Idempotency-Key")
        self.receiver_calls = ReceiverCalls(limits)

    @property
    def open_pool(self) -> Pool:
        """The pool, which is there while the application runs."""
        assert self.pool is not None, "the application has not started"  # noqa: S101 - a wrong use of our own
        return self.pool

    @property
    def changes(self) -> ChangeGroups:
        """The changes of mandates that requests make together."""
        if self._changes is None:
            self._changes = ChangeGroups(self.open_pool, self.notifier("events"))
        return self._changes

    def notifier(self, channel: Channel) -> Notifier:
        """Return the notifier of this channel."""
        return self.notifiers.setdefault(channel, Notifier(self.open_pool, channel))


def app_state(scope: Scope) -> AppState:
    """Return the state of the application that handles this request."""
    found = scope["app"].state.shared
    assert isinstance(found, AppState)  # noqa: S101 - `create_app` put it there
    return found


class PendingNotifications:
    """The channels that a request notifies once its work is committed, just before it is answered."""

    def __init__(self, channels: set[Channel]) -> None:
        self._channels = channels

    def notify(self, channel: Channel) -> None:
        """Notify this channel when the work of this request is committed."""
        self._channels.add(channel)


async def _state(request: Request) -> AppState:
    return app_state(request.scope)


async def _settings(request: Request) -> Settings:
    return app_state(request.scope).settings


async def _pool(request: Request) -> Pool:
    return app_state(request.scope).open_pool


async def _watching_pool(request: Request) -> Pool:
    state = app_state(request.scope)
    return state.watching_pool or state.open_pool


async def _now(request: Request) -> datetime:
    return app_state(request.scope).clock()


async def _notifications(request: Request) -> PendingNotifications:
    return PendingNotifications(request.scope["hub.notifications"])


@asynccontextmanager
async def borrow(request: Request) -> AsyncIterator[Connection]:
    """Borrow a connection for a part of a request, so that a request that waits for others holds none."""
    keyed = keyed_work(request.scope)
    if keyed is not None:
        yield await keyed.connection()
        return
    async with app_state(request.scope).open_pool.acquire() as connection:
        yield connection


@asynccontextmanager
async def outside(request: Request, who: str) -> AsyncIterator[None]:
    """Wait for a receiver in the block: `who` has room for one more call, and no connection is held meanwhile."""
    with app_state(request.scope).receiver_calls.entered(who):
        keyed = keyed_work(request.scope)
        if keyed is not None:
            await keyed.commit()
        yield


def keyed_work(scope: Scope) -> KeyedWork | None:
    """Return the work of a request with an `Idempotency-Key`; None without one."""
    found: KeyedWork | None = scope.get("hub.keyed")
    return found


async def _connection(request: Request) -> AsyncIterator[Connection]:
    async with borrow(request) as connection:
        yield connection


AppStateHere = Annotated[AppState, Depends(_state)]
SettingsHere = Annotated[Settings, Depends(_settings)]
WatchingPoolHere = Annotated[Pool, Depends(_watching_pool)]
PoolHere = Annotated[Pool, Depends(_pool)]
ConnectionHere = Annotated[Connection, Depends(_connection, scope="function")]
NowHere = Annotated[datetime, Depends(_now)]
NotificationsHere = Annotated[PendingNotifications, Depends(_notifications)]
