"""Liveness and readiness. Out: 200, or 503 with what is missing; at most a second old, and without any volumes.

Live is a process whose loops turn: when one hangs, only a new process helps. Ready is one whose next change would be
stored: a commit reaches the disk, on a connection of its own, so that the answer stands in no queue of callers. The
other processes of the hub do not make this one unready, because their work waits safely and the pages that show why are
here: `ready` names them, and `/health/hub` is 503 for them, for who watches the hub as a whole.
"""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from time import monotonic
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from hub.api.state import AppState, AppStateHere
from hub.domain.health import RoleHealth, hung_loops, late_loops
from hub.errors import ConfigurationError, Unavailable
from hub.observe.health import read_health
from hub.processes import loops
from hub.store.connections import connect
from hub.store.migrations import is_current
from hub.store.pool import DATABASE_ERRORS, Connection
from hub.store.writable import prove_writable
from hub.views.models import CamelModel

PATIENCE_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 1.0
ROLE: Final = "serve"
router = APIRouter(prefix="/health", include_in_schema=False)


class ProcessStatus(StrEnum):
    """Whether a kind of process makes progress."""

    OK = "ok"
    STUCK = "stuck"
    ABSENT = "absent"


class Health(CamelModel):
    """The health of this process, and of the others: `degraded` when one of those makes no progress."""

    status: Literal["ok", "degraded"] = "ok"
    processes: dict[str, ProcessStatus] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What this process misses, if anything, and the health of the others."""

    missing: Unavailable | None = None
    roles: tuple[RoleHealth, ...] = ()

    def shown(self) -> Health:
        """Return the body of an answer."""
        is_well = all(each.is_well for each in self.roles)
        return Health(
            status="ok" if is_well else "degraded", processes={each.role: _status(each) for each in self.roles}
        )


def _status(role: RoleHealth) -> ProcessStatus:
    if role.is_well:
        return ProcessStatus.OK
    return ProcessStatus.STUCK if role.at_work else ProcessStatus.ABSENT


@dataclass(slots=True)
class ReadinessCache:
    """Looks once for all who ask within a second."""

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last: Readiness = field(default_factory=Readiness)
    _read_at: float = float("-inf")

    async def read(self, state: AppState) -> Readiness:
        """Return what is missing, and the health of the others."""
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
    """Answer while the loops of this process turn."""
    hung = sorted(loop.name for loop in hung_loops(loops.here.reports(ROLE)))
    if hung:
        raise Unavailable(f"a loop of this process hangs: {', '.join(hung)}")
    return Health()


@router.get("/ready")
async def ready(state: AppStateHere, cache: Annotated[ReadinessCache, Depends(_readiness_cache)]) -> Health:
    """Answer when the database takes changes, with the schema that this code needs, and the loops here turn well."""
    found = await cache.read(state)
    if found.missing is not None:
        raise found.missing
    return found.shown()


@router.get("/hub")
async def hub(
    state: AppStateHere, cache: Annotated[ReadinessCache, Depends(_readiness_cache)], response: Response
) -> Health:
    """Answer 200 when this process is ready and all others make progress."""
    found = await cache.read(state)
    if found.missing is not None:
        raise found.missing
    shown = found.shown()
    if shown.status != "ok":
        response.status_code = int(HTTPStatus.SERVICE_UNAVAILABLE)
    return shown


async def _look(state: AppState) -> Readiness:
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
        return Readiness(Unavailable("the database does not answer, or takes no changes"))


async def _check(c: Connection) -> Readiness:
    if not await is_current(c):
        return Readiness(Unavailable("the database has another schema", next_step="Run `osr-hub migrate`."))
    await prove_writable(c)
    late = sorted(loop.name for loop in late_loops(loops.here.reports(ROLE)))
    missing = Unavailable(f"a loop of this process makes no progress: {', '.join(late)}") if late else None
    return Readiness(missing, tuple((await read_health(c)).roles))
