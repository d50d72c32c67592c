"""Planning of old events and circuit changes lock destinations before lanes, so that neither deadlocks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest

from hub import register, subscribe
from hub.domain.circuit import CircuitOpened
from hub.operations.restate import restate
from hub.store import destinations
from hub.store.statements import queries
from tests.support.lanes.forwarding import until
from tests.support.lanes.ledger_states import take
from tests.support.register.subscriptions import (
    BRINS,
    KEYS,
    LAS,
    NOW,
    OTHER,
    assert_books_right,
    at,
    destination_id,
    grant,
    make_register,
    plan_all,
    subscription_request,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from hub.store.pool import Connection

LATER = NOW + timedelta(hours=1)
RIO, WEBHOOK = "duo:rio", f"las:{LAS}"


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """A register."""
    await make_register(connection)
    return connection


async def probe_during(database: str, c: Connection, destination: int, telling: Coroutine[Any, Any, object]) -> None:
    """Claim a probe, let somebody tell old news until that waits, and choose the lane to probe with."""
    opening = CircuitOpened(since=NOW, cause="unreachable", error="nobody", probe_at=NOW)
    assert await destinations.open_circuit(c, destination, opening, "closed")
    forwarder: asyncpg.Connection[Any] = await asyncpg.connect(database)

    async def is_blocked() -> bool:
        return bool(await forwarder.fetchval("select exists (select from pg_locks where not granted)"))

    async with forwarder.transaction():
        assert await queries.claim_probe(forwarder, id=destination, seconds=60.0)
        task = asyncio.create_task(telling)
        await until(is_blocked)
        await queries.choose_probe(forwarder, id=destination, rotates=False)
    await task
    await forwarder.close()


async def test_a_probe_is_chosen_while_a_system_subscribes_for_the_first_time(database: str, c: Connection) -> None:
    """Choosing a probe lane waits for a first subscription and does not deadlock."""
    await grant(c)
    await plan_all(c)

    async def subscribing() -> None:
        async with c.transaction():
            await subscribe.subscribe(
                c, LAS, subscribe.AgreedRequest(options=subscription_request(), allowed_rate=None), KEYS, LATER
            )

    await probe_during(database, c, await destination_id(c, WEBHOOK), subscribing())
    await assert_books_right(c)


async def test_a_probe_is_chosen_while_old_news_is_sent_again(database: str, c: Connection) -> None:
    """Choosing a probe lane waits for a replay and does not deadlock."""
    told = await grant(c, service="RIO", routed=("18DS00",))
    waits = await grant(c, service="RIO", routed=("18DS01",), supplier=OTHER, first=2)
    await plan_all(c)
    await take(c, RIO)
    async with c.transaction():
        await register.amend(c, waits.id, register.DateChange(end_date=at().today.replace(year=2027)), at())
    await plan_all(c)
    rio = await destination_id(c, RIO)

    async def replaying() -> None:
        async with c.transaction():
            again = await restate(c, [(rio, BRINS[1], told.id, "18DS00")], cause=UUID(int=1), now=LATER, process=0)
        assert len(again.appended) == 1

    await probe_during(database, c, rio, replaying())
    await assert_books_right(c)
