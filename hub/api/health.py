"""Liveness and readiness of this process. Out: 200, or 503 with what is missing."""

import asyncio

from fastapi import APIRouter

from hub.api.state import PoolHere
from hub.errors import Unavailable
from hub.store.migrations import is_current
from hub.store.pool import DATABASE_ERRORS
from hub.views.models import CamelModel

PATIENCE_SECONDS = 2.0
router = APIRouter(prefix="/health", include_in_schema=False)


class Health(CamelModel):
    """The health of this process."""

    status: str = "ok"


@router.get("/live")
async def live() -> Health:
    """Answer while the process runs."""
    return Health()


@router.get("/ready")
async def ready(pool: PoolHere) -> Health:
    """Answer when the database does, with the schema that this code needs."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), pool.acquire() as connection:
            fits = await is_current(connection)
    except DATABASE_ERRORS:
        raise Unavailable("the database does not answer") from None
    if not fits:
        raise Unavailable("the database has another schema", next_step="Run `osr-hub migrate`.")
    return Health()
