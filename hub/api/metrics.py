"""`/metrics`: what Prometheus scrapes. In: counters and lanes in Postgres. Out: text, at most a second old.

Other processes do the work, so the numbers come from the rows that they write.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hub.api.lag import LagCache, LagCacheHere
from hub.api.metric_families import HubMetrics
from hub.api.state import NowHere, WatchingPoolHere
from hub.store import observe
from hub.store.pool import Pool

router = APIRouter(include_in_schema=False)
FRESH_SECONDS: Final = 1.0


@dataclass(slots=True)
class MetricsCache:
    """Reads the metrics once for concurrent scrapes."""

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last: bytes = b""
    _read_at: float = float("-inf")

    async def read(self, lags: LagCache, pool: Pool, now: datetime) -> bytes:
        """Read all metrics as text."""
        async with self._turn:
            if monotonic() - self._read_at > FRESH_SECONDS:
                lag = await lags.read(pool, now, FRESH_SECONDS)
                async with pool.acquire() as c:
                    numbers = HubMetrics(lag=lag, counters=await observe.counters(c), hops=await observe.all_hops(c))
                registry = CollectorRegistry(auto_describe=False)
                registry.register(numbers)
                self._last, self._read_at = generate_latest(registry), monotonic()
            return self._last


async def _metrics_cache(request: Request) -> MetricsCache:
    state = request.app.state
    if not hasattr(state, "metrics_cache"):
        state.metrics_cache = MetricsCache()
    found: MetricsCache = state.metrics_cache
    return found


@router.get("/metrics")
async def get_metrics(
    cache: Annotated[MetricsCache, Depends(_metrics_cache)], lags: LagCacheHere, pool: WatchingPoolHere, now: NowHere
) -> Response:
    """Show all metrics."""
    return Response(await cache.read(lags, pool, now), media_type=CONTENT_TYPE_LATEST)
