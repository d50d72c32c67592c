"""`/v1/lag`: what is late, who has to act, and how. Out: numbers and an explanation per destination."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request

from hub.api.auth import OperationsHere
from hub.api.state import NowHere, PoolHere, app_state
from hub.observe.lag import Lag, LagReader
from hub.store.objectives import default_objective
from hub.store.pool import Pool
from hub.views.status import LagBody, show_lag

router = APIRouter(tags=["operations"])
FRESH_SECONDS: Final = 0.0


@dataclass(slots=True)
class LagCache:
    """Reads the lag once for concurrent requests."""

    _reader: LagReader
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last: Lag | None = None
    _read_at: float = 0.0

    async def read(self, pool: Pool, now: datetime, fresh: float = FRESH_SECONDS) -> Lag:
        """Return how late each destination is, at most `fresh` seconds ago."""
        async with self._turn:
            if self._last is None or monotonic() - self._read_at > fresh:
                async with pool.acquire() as c:
                    self._last = await self._reader.read(c, now)
                self._read_at = monotonic()
            return self._last


async def _lag_cache(request: Request) -> LagCache:
    state = request.app.state
    if not hasattr(state, "lag_cache"):
        state.lag_cache = LagCache(LagReader(default_objective(app_state(request.scope).settings)))
    found: LagCache = state.lag_cache
    return found


LagCacheHere = Annotated[LagCache, Depends(_lag_cache)]


@router.get("/lag")
async def get_lag(_caller: OperationsHere, cache: LagCacheHere, pool: PoolHere, now: NowHere) -> LagBody:
    """Return how late each destination is."""
    return show_lag(await cache.read(pool, now))
