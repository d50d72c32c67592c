"""What a request is given to work with: settings, a connection, the time, bells to ring when it is done.

With an `Idempotency-Key` the connection is inside a transaction that also stores the answer (`hub.api.idempotency`);
otherwise the caller of a use case opens its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope

from hub.clock import Clock
from hub.settings import Settings
from hub.store.pool import Connection, Pool
from hub.store.wake import Bell, Channel
from hub.tokens import Verifier


@dataclass(kw_only=True, slots=True)
class Wiring:
    """What all requests share; the pool is open while the application runs."""

    settings: Settings
    verifier: Verifier
    clock: Clock
    pool: Pool | None = None
    bells: dict[Channel, Bell] = field(default_factory=dict)

    @property
    def open_pool(self) -> Pool:
        """The pool, which is there while the application runs."""
        assert self.pool is not None, "the application has not started"  # noqa: S101 - a wrong use of our own
        return self.pool

    def bell(self, channel: Channel) -> Bell:
        """Return the bell of this channel."""
        return self.bells.setdefault(channel, Bell(self.open_pool, channel))


def wiring_of(scope: Scope) -> Wiring:
    """Return what the application of this request shares."""
    found = scope["app"].state.wiring
    assert isinstance(found, Wiring)  # noqa: S101 - `create_app` put it there
    return found


class Rings:
    """The bells that a request wants rung; they ring when its work is committed, just before it is answered."""

    def __init__(self, wanted: set[Channel]) -> None:
        self._wanted = wanted

    def ring(self, channel: Channel) -> None:
        """Ring this channel when the work of this request is committed."""
        self._wanted.add(channel)


def _wiring(request: Request) -> Wiring:
    return wiring_of(request.scope)


def _settings(request: Request) -> Settings:
    return wiring_of(request.scope).settings


def _pool(request: Request) -> Pool:
    return wiring_of(request.scope).open_pool


def _now(request: Request) -> datetime:
    return wiring_of(request.scope).clock()


def _rings(request: Request) -> Rings:
    return Rings(request.scope["hub.rings"])


@asynccontextmanager
async def borrow(request: Request) -> AsyncIterator[Connection]:
    """Lend a connection for a part of a request: whoever waits for another's work must not hold one meanwhile."""
    shared = request.scope.get("hub.connection")
    if shared is not None:
        yield shared
        return
    async with wiring_of(request.scope).open_pool.acquire() as connection:
        yield connection


async def _connection(request: Request) -> AsyncIterator[Connection]:
    async with borrow(request) as connection:
        yield connection


WiringHere = Annotated[Wiring, Depends(_wiring)]
SettingsHere = Annotated[Settings, Depends(_settings)]
PoolHere = Annotated[Pool, Depends(_pool)]
ConnectionHere = Annotated[Connection, Depends(_connection, scope="function")]
NowHere = Annotated[datetime, Depends(_now)]
RingsHere = Annotated[Rings, Depends(_rings)]
