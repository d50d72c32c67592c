"""A database restored from a backup while the log has more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from structlog.testing import capture_logs

from hub.errors import LogIsAhead
from hub.observe.books import check_ledger
from hub.recovery import compare, wait_until_caught_up
from hub.store.migrations import migrate
from schemas.identifiers import Brin
from tests.support.lanes.forwarding import until
from tests.support.receivers.receiver_model import ReceiverModel, expected_state
from tests.support.receivers.recording_receivers import read_whole
from tests.support.register.small_register import RIO, TODAY, request
from tests.support.servers.commands import osr_hub
from tests.support.servers.hubs import (
    LOG,
    HubUnderTest,
    backup,
    create_hub,
    grant_now,
    make_all_changes,
    read_register,
    set_end_date,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from structlog.typing import EventDict

WHOLE = ("mandates", "routes", "events", "published_events", "event_outbox")


@pytest.fixture
async def hub(database: str, kafka: str, topics: Mapping[str, str]) -> AsyncIterator[HubUnderTest]:
    """A hub with a few schools and mandates, all published."""
    hub = await create_hub(database, kafka, topics)
    await hub.publish()
    yield hub
    await hub.c.close()


async def test_a_restored_database_comes_back_to_what_was_published(hub: HubUnderTest) -> None:
    """Recovery restores mandates, routing, events and positions, and DUO ends with the right state."""
    await grant_now(hub.c, replace(request(), brin=Brin("00AA"), service_code=RIO, end_date=TODAY + timedelta(days=3)))
    duo = ReceiverModel()
    async with backup(hub) as restore:
        await hub.deliver()
        await make_all_changes(hub)
        await hub.deliver()
        await hub.heard(duo)
        before = await read_register(hub.c)
        restored = await restore()
        with pytest.raises(LogIsAhead, match="does not have"):
            (await compare(restored.c, restored.options, hub.topics[LOG])).raise_if_ahead()
        done = await restored.recover()
        assert await read_register(restored.c) == before
        assert (done.published, done.renumbered, done.displaced, done.epoch) == (1, 0, 0, 2)
        assert (done.made.schools, done.made.branches) == (("00ZZ",), ("00ZZ00", "18DS04"))
        assert done.turned.closed == {"18DS03"}
        await set_end_date(restored.c, "00ZZ", RIO)
        await restored.deliver()
        await restored.heard(duo)
        assert duo.held() == await expected_state(restored.c, "RIO", calendar=False)
        assert (duo.missed, duo.ignored, duo.epochs) == ([], [], [1, 2])
        assert (await check_ledger(restored.c, datetime.now(UTC))).violations == []


async def test_recovering_twice_is_recovering_once_and_a_dry_run_is_nothing(hub: HubUnderTest) -> None:
    """A second recovery finds nothing; a dry run reports the same and changes nothing."""
    async with backup(hub) as restore:
        await make_all_changes(hub)
        await hub.publish()
        restored = await restore()
        before = await read_register(restored.c)
        told = await restored.recover(dry_run=True)
        assert await read_register(restored.c) == before
        assert await restored.recover() == told
        after = await read_register(restored.c)
        again = await restored.recover()
        assert (again.events, again.epoch) == (0, None)
        assert await read_register(restored.c) == after
        assert await restored.c.fetchval("select ledger_epoch from hub_state") == 2
        assert (await restored.recover(new_epoch=True)).epoch == 3


async def test_without_any_backup_the_log_alone_is_enough(hub: HubUnderTest, empty_database: str) -> None:
    """An empty register recovers mandates and events from the log, with schools by their codes."""
    await migrate(empty_database)
    await make_all_changes(hub)
    await hub.publish()
    before = await read_register(hub.c)
    bare = replace(hub, dsn=empty_database, c=await asyncpg.connect(empty_database))
    done = await bare.recover()
    after = await read_register(bare.c)
    assert {table: after[table] for table in WHOLE} == {table: before[table] for table in WHOLE}
    assert done.made.schools == ("00AA", "00ZZ", "18DS")
    await bare.c.close()


async def test_nobody_goes_on_while_the_log_is_ahead(hub: HubUnderTest) -> None:
    """Relay, planner and calendar wait until the log was read in."""
    async with backup(hub) as restore:
        await make_all_changes(hub)
        await hub.publish()
        restored = await restore()
        await grant_now(restored.c, replace(request(), brin=Brin("00AA"), service_code=RIO))
        stop, another = asyncio.Event(), await asyncpg.connect(restored.dsn)
        waiting = asyncio.create_task(wait_until_caught_up(another, restored.options, hub.topics[LOG], stop))
        published = len(await read_whole(hub.kafka, hub.topics[LOG]))
        with capture_logs() as said:
            async with restored.running(restored.relay, restored.plan):
                await until(lambda: _is_said(said, "publisher.refused"), 60)
                await until(lambda: _is_said(said, "work.refused"), 60)
        assert len(await read_whole(hub.kafka, hub.topics[LOG])) == published
        assert await restored.c.fetchval("select count(*) from deliveries") == 0
        assert not waiting.done()
        stop.set()
        assert not await waiting
        await another.close()


async def _is_said(said: list[EventDict], event: str) -> bool:
    return any(line["event"] == event for line in said)


async def test_a_database_that_cannot_be_recovered_yet_is_said_in_a_sentence(empty_database: str) -> None:
    """A missing database or an old schema gives a sentence with what to do."""
    code, _, failed = await osr_hub(f"{empty_database}_gone", "recover")
    assert (code, failed.splitlines()[1].partition(" under")[0]) == (2, "Restore it"), failed
    code, _, failed = await osr_hub(empty_database, "recover")
    assert (code, failed.splitlines()[1]) == (2, "Run `osr-hub migrate`, then run this again."), failed
