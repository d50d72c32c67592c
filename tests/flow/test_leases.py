"""A forwarder leases only as much as lets it keep its heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumers.forwarding import leases
from hub import plan
from hub.clock import now
from hub.processes.heartbeat import Heartbeat
from tests.support.lanes.ledgers import make_register, record_events

if TYPE_CHECKING:
    import asyncpg
    import pytest

    from hub.store.pool import Pool

SCHOOLS, EACH = 50, 30


async def test_a_deep_backlog_is_taken_in_portions(
    connection: asyncpg.Connection[Any], pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many deep lanes only the first deliveries are read; of few lanes a full portion."""
    await make_register(connection, SCHOOLS)
    await record_events(connection, EACH)
    brins = [row["brin"] for row in await connection.fetch("select brin from schools order by brin")]
    async with connection.transaction():
        await plan.plan(connection, dict.fromkeys(brins), now(), 0)
    rio = await connection.fetchval("select id from destinations where name = 'duo:rio'")
    monkeypatch.setattr(leases, "DELIVERIES_AT_ONCE", 100)
    async with Heartbeat(pool, "forward") as heartbeat:
        ours = leases.Leases(pool, heartbeat)
        few = await ours.take({rio: 2})
        many = await ours.take({rio: SCHOOLS})
    numbers = [[delivery.message.sequence for delivery in deliveries] for deliveries in few.values()]
    assert numbers == [list(range(1, EACH + 1))] * 2
    assert [[delivery.message.sequence for delivery in deliveries] for deliveries in many.values()] == [[1, 2]] * (
        SCHOOLS - 2
    )
