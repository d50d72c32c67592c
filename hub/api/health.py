"""Liveness and readiness of this process. Out: 200, or 503 with what is missing; at most a second old.

Ready is a process whose next change would be stored: a commit reaches the disk, on a connection of its own, so that the
answer stands in no queue of callers.
"""

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request

from hub.api.state import AppState, AppStateHere
from hub.errors import ConfigurationError, Unavailable
from hub.store.connections import connect
from hub.store.migrations import is_current
from hub.store.pool import DATABASE_ERRORS, Connection
from hub.store.writable import prove_writable
from hub.views.models import CamelModel

PATIENCE_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 1.0
router = APIRouter(prefix="/health", include_in_schema=False)


class Health(CamelModel):
    """The health of this process."""

    status: str = "ok"


@dataclass(slots=True)
class ReadinessCache:
    """Looks once for all who ask within a second."""

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last: Unavailable | None = None
    _read_at: float = float("-inf")

    async def read(self, state: AppState) -> Unavailable | None:
        """Return what is missing, or None."""
        async with self._turn:
            if monotonic() - self._read_at > FRESH_SECONDS:
                self._last = await _look(state)
                self._read_at = monotonic()
            return self._last


async def _readiness_cache(request: Request) -> ReadinessCache:
    state = request.app.state
    if not hasattr(state, "readiness_cache"):
        state.readiness_cache = ReadinessCache()
    found: ReadinessCache = state.readiness_cache
    return found


@router.get("/live")
async def live() -> Health:
    """Answer while the process runs."""
    return Health()


@router.get("/ready")
async def ready(state: AppStateHere, cache: Annotated[ReadinessCache, Depends(_readiness_cache)]) -> Health:
    """Answer when the database takes changes, with the schema that this code needs."""
    missing = await cache.read(state)
    if missing is not None:
        raise missing
    return Health()


async def _look(state: AppState) -> Unavailable | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            if state.settings.database.dsn is None:  # an application that was given its pool
                async with state.open_pool.acquire() as c:
                    return await _check(c)
            own = await connect(state.settings.database.url, "osr-hub readiness")
            try:
                return await _check(own)
            finally:
                own.terminate()
    except (*DATABASE_ERRORS, ConfigurationError):
        return Unavailable("the database does not answer, or takes no changes")


async def _check(c: Connection) -> Unavailable | None:
    if not await is_current(c):
        return Unavailable("the database has another schema", next_step="Run `osr-hub migrate`.")
    await prove_writable(c)
    return None
