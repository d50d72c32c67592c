"""A hub for tests of operators' pages. In: a pool. Out: a hub with planned messages, or taken ones, one rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.access import Role
from tests.support.api.school_calls import R2, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, publish, report, take

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client


async def open_granted_hub(pool: Pool, folder: Path) -> Client:
    """Return a client of a hub whose school granted RIO, with branch 18DS01 routed; two messages wait."""
    hub = await open_hub(pool, folder)
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    await school.post(
        "/v1/mandates", mandate_request(serviceCode="RIO", branches=[{"branch": "18DS01", "routingId": R2}])
    )
    async with pool.acquire() as c:
        await publish(c)
        await plan_all(c)
    return hub


async def open_rejected_hub(pool: Pool, folder: Path, words: str) -> Client:
    """Return a client of such a hub whose messages were taken; that of the routed branch was rejected."""
    hub = await open_granted_hub(pool, folder)
    async with pool.acquire() as c:
        await take(c, "duo:rio")
        one = await c.fetchval("select id from deliveries where branch = '18DS01'")
        await report(c, str(one), "rejected", words)
    return hub
