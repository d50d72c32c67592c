"""What DUO's broker lost after taking it is found by topic ids and offsets, and its current state sent again, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from consumers.watch import Watch
from hub import settle
from hub.extents import Extent, asking
from hub.observe.books import verify
from hub.recovery.lost import wound
from hub.settle import IncomingReport
from hub.store.marks import Mark
from schemas.kinds import ReportStatus
from schemas.topics import DUO_RIO
from tests.support.commands import osr_hub
from tests.support.forwarding import forwarder
from tests.support.hubs import QUEUE, UNSENT, Hub, end, found
from tests.support.memories import Memory, should_hold
from tests.support.small_register import BRIN, RIO
from tests.support.topics import make_anew
from tests.support.witnesses import events_in, read_whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.recovery.lost import Loss

ONE, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
async def hub(database: str, kafka: str, topics: Mapping[str, str]) -> AsyncIterator[Hub]:
    """A hub whose messages for RIO lie at DUO's broker, where nobody has read them."""
    hub = await found(database, kafka, topics)
    await hub.deliver()
    await end(hub.c, BRIN, RIO)
    await hub.deliver()
    yield hub
    await hub.c.close()


@pytest.fixture
def watch(hub: Hub) -> Watch:
    """Who watches DUO's topics."""
    return Watch(hub.c, lambda: 0, hub.topics["duo.reports.v1"])


async def look(hub: Hub, watch: Watch) -> list[Loss]:
    """Look once."""
    async with asking(hub.options) as asker:
        return await watch.look(asker)


async def lose(hub: Hub) -> None:
    """Let DUO's broker lose the queue: it is there again, and empty."""
    await make_anew(hub.kafka, [replace(DUO_RIO, name=hub.topics[QUEUE])])


async def forward(hub: Hub) -> list[dict[str, object]]:
    """Send what waits, and read the queue as it is then."""
    async with forwarder(hub.settings):
        await hub.settled(UNSENT)
    return events_in(await read_whole(hub.kafka, hub.topics[QUEUE]))


async def test_a_queue_that_was_made_anew_gets_the_current_state_of_each_unit_once(hub: Hub, watch: Watch) -> None:
    """In one message per unit, marked as standing for the lost one; looking again finds nothing more."""
    assert await look(hub, watch) == []
    before = events_in(await read_whole(hub.kafka, hub.topics[QUEUE]))
    await lose(hub)
    (loss,) = await look(hub, watch)
    assert (loss.messages, loss.sent_again) == (len(before), 2)
    assert await look(hub, watch) == []
    again = await forward(hub)
    assert [event["type"] for event in again] == ["nl.osr.mandate.granted.v1"] * 2
    assert {event["replayof"] for event in again} == {event["id"] for event in before[-2:]}
    duo = Memory()
    duo.take(again)
    assert duo.held() == await should_hold(hub.c, RIO, calendar=False)
    assert await look(hub, watch) == []
    assert (await verify(hub.c, datetime.now(UTC))).violations == []


async def test_what_duo_answered_or_has_by_a_later_message_is_not_sent_again(hub: Hub, watch: Watch) -> None:
    """Only units whose newest message is gone and unanswered are concerned."""
    await look(hub, watch)
    newest = events_in(await read_whole(hub.kafka, hub.topics[QUEUE]))[-1]
    report = IncomingReport(
        delivery_id=UUID(newest["id"]), status=ReportStatus.PROCESSED, reported_at=datetime.now(UTC)
    )
    async with hub.c.transaction():
        await settle.apply_reports(hub.c, [report], datetime.now(UTC), 0)
    await lose(hub)
    (loss,) = await look(hub, watch)
    assert loss.sent_again == 1
    (again,) = await forward(hub)
    assert again.get("branch", "") != newest.get("branch", "")


async def test_what_grew_old_is_not_lost(hub: Hub, watch: Watch) -> None:
    """Retention moves the beginning of a topic, never its end: that is no loss."""
    await look(hub, watch)
    admin = AIOKafkaAdminClient(bootstrap_servers=hub.kafka)
    await admin.start()
    records = await read_whole(hub.kafka, hub.topics[QUEUE])
    place = TopicPartition(records[0].topic, records[0].partition)
    await admin.delete_records({place: RecordsToDelete(before_offset=records[-1].offset + 1)})
    await admin.close()
    assert await look(hub, watch) == []
    code, said, _ = await repair(hub)
    assert (code, "have everything" in said) == (0, True)


async def test_repair_finds_by_content_what_nobody_had_an_eye_on(hub: Hub) -> None:
    """`osr-hub verify --repair` needs no earlier look; it says what it found and did, and the second time nothing."""
    await lose(hub)
    code, said, _ = await repair(hub)
    assert code == 0
    assert "duo:rio: 4 messages" in said
    assert "current state of 2 units goes out again" in said
    assert "have everything" in (await repair(hub))[1]
    assert len(await forward(hub)) == 2
    assert "have everything" in (await repair(hub))[1]


async def repair(hub: Hub) -> tuple[int, str, str]:
    """Run the command on this hub."""
    return await osr_hub(hub.dsn, "verify", "--repair", OSR_HUB_KAFKA__BOOTSTRAP_SERVERS=hub.kafka)


@pytest.mark.parametrize(
    ("there", "floors", "read_from"),
    [
        (Extent(topic_id=ONE, begins={0: 5, 1: 0}, ends={0: 9, 1: 4}), None, None),
        (Extent(topic_id=ONE, begins={0: 9, 1: 2}, ends={0: 9, 1: 4}), None, None),
        (Extent(topic_id=ONE, begins={0: 5, 1: 0}, ends={0: 7, 1: 4}), {0: 7}, {0: 7}),
        (Extent(topic_id=OTHER, begins={0: 0, 1: 0}, ends={0: 99, 1: 99}), {0: 5, 1: 0}, {}),
    ],
    ids=["nothing new", "grown old", "end went back", "made anew"],
)
def test_a_topic_shows_that_it_lost(
    there: Extent, floors: Mapping[int, int] | None, read_from: Mapping[int, int] | None
) -> None:
    """Another id or an end that went back, and where from; a beginning that moved is none."""
    hurt = wound(Mark(topic_id=ONE, begins={0: 5, 1: 0}, ends={0: 9, 1: 4}), there)
    assert (hurt and hurt.floors, hurt and hurt.read_from) == (floors, read_from)
    assert wound(None, there) is None
