"""Deleted history is revived neither from a backup nor from the log; numbers and positions stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from hub import register
from hub.clock import now, today
from hub.domain.retention import RetentionPeriods, cutoffs
from hub.observe.books import check_ledger
from hub.operations.retention import RetentionRun, apply
from hub.store.migrations import migrate
from hub.store.people import SystemActor
from schemas.topics import MANDATES
from tests.support.lanes.ledger_states import report
from tests.support.receivers.receiver_model import ReceiverModel, expected_state
from tests.support.register.small_register import BRIN, RIO, VVA, request
from tests.support.servers import topics as made
from tests.support.servers.hubs import (
    LOG,
    QUEUE,
    HubUnderTest,
    backup,
    create_hub,
    grant_now,
    moment_now,
    read_register,
    set_end_date,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.store.pool import Connection

TERMS = RetentionPeriods(register_years=7, deliveries_months=18, attempts_days=90, parked_days=30)
LATER = now() + timedelta(days=8 * 366)
LIMIT = today(cutoffs(LATER, TERMS).register)
OLD = 2
"""How many events the mandate had that is forgotten."""
KEPT = ("mandates", "routes", "events", "published_events", "event_outbox")
FORGOTTEN = {
    "of schools": "select brin, counter, archived_events from schools where counter > 0 order by brin",
    "of the log": "select archived_positions from hub_state",
}


@pytest.fixture
async def hub(database: str, kafka: str, topics: Mapping[str, str]) -> AsyncIterator[HubUnderTest]:
    """A hub with a mandate that was told, ended and answered, and another in its place."""
    hub = await create_hub(database, kafka, topics)
    await hub.deliver()
    old = await hub.c.fetchval("select id from mandates where brin = $1 and service_code = $2", BRIN, RIO)
    async with hub.c.transaction():
        await register.withdraw(hub.c, old, moment_now())
    await grant_now(hub.c, replace(request(), service_code=RIO))
    await answer(hub)
    yield hub
    await hub.c.close()


async def answer(hub: HubUnderTest) -> None:
    """Send everything, and let DUO process it."""
    await hub.deliver()
    for row in await hub.c.fetch("select id from deliveries where status = 'delivered' order by sequence"):
        await report(hub.c, str(row["id"]), "processed")


async def forget(c: Connection) -> dict[str, int]:
    """Take away what is too old eight years from now."""
    run = RetentionRun(c=c, cutoffs=cutoffs(LATER, TERMS), dry=False, tell=lambda _kind, _n: None)
    return await apply(run, LATER, SystemActor.COMMAND_LINE)


async def kept(c: Connection) -> dict[str, Any]:
    """Read what the register and the log hold, and how much of both is not kept."""
    whole = await read_register(c)
    counts = {name: [tuple(row) for row in await c.fetch(query)] for name, query in FORGOTTEN.items()}
    return {table: whole[table] for table in KEPT} | counts


async def a_day_passes(hub: HubUnderTest) -> None:
    """Change something and publish it."""
    await set_end_date(hub.c, "00AA", VVA)
    await set_end_date(hub.c, BRIN, VVA)
    await hub.publish()


async def is_right(hub: HubUnderTest) -> bool:
    """Check the ledger, and whether DUO holds what it should and was told nothing that it had to drop."""
    duo = await hub.heard(ReceiverModel())
    assert duo.held().items() >= (await expected_state(hub.c, RIO, calendar=False)).items()
    assert (duo.missed, duo.ignored) == ([], [])
    return (await check_ledger(hub.c, datetime.now(UTC))).violations == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_backup_from_before_or_after_things_were_forgotten(hub: HubUnderTest, when: str) -> None:
    """Mandates that an older backup still has go with the next retention; the log revives none."""
    if when == "after":
        assert (await forget(hub.c))["mandates"] == 1
    async with backup(hub) as restore:
        if when == "before":
            assert (await forget(hub.c))["mandates"] == 1
        await a_day_passes(hub)
        before = await kept(hub.c)
        assert before["of the log"] == [(OLD,)]
        restored = await restore()
        done = await restored.recover(forgotten_before=LIMIT)
        assert (done.events, done.left_out, done.displaced) == (2, 0, 0)
        if when == "before":
            assert (await forget(restored.c))["events"] == OLD
        assert await kept(restored.c) == before
        await answer(restored)
        assert await is_right(restored)


@pytest.mark.parametrize("log", ["as it was", "made anew"])
async def test_without_any_backup_the_log_does_not_revive_what_was_forgotten(
    hub: HubUnderTest, empty_database: str, log: str
) -> None:
    """Without a backup deleted mandates stay out, their numbers and positions stay empty, and nothing is sent."""
    await forget(hub.c)
    if log == "made anew":
        await made.recreate_topics(hub.kafka, [replace(MANDATES, name=hub.topics[LOG])])
    await a_day_passes(hub)
    before = await kept(hub.c)
    await migrate(empty_database)
    bare = replace(hub, dsn=empty_database, c=await asyncpg.connect(empty_database))
    await bare.c.execute("update destinations set topic = $1 where topic = $2", hub.topics[QUEUE], QUEUE)
    done = await bare.recover(forgotten_before=LIMIT)
    assert (done.left_out, done.displaced) == (OLD if log == "as it was" else 0, 0)
    assert await kept(bare.c) == before
    again = await bare.recover(forgotten_before=LIMIT)
    assert (again.events, again.epoch) == (0, None)
    await bare.deliver()
    assert await is_right(bare)
    await bare.c.close()
