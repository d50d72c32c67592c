"""Losses of DUO's broker are found by topic id and offsets, and the current state is sent again once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from consumers.reporting.loss_watch import LossWatch
from hub import settle
from hub.kafka.offsets import TopicOffsets, open_offset_client
from hub.observe.books import check_ledger
from hub.recovery.lost import find_lost_range
from hub.settle import IncomingReport
from hub.store.watermarks import Watermark
from schemas.kinds import ReportStatus
from schemas.topics import DUO_RIO
from tests.support.lanes.forwarding import forwarder
from tests.support.receivers.receiver_model import ReceiverModel, expected_state
from tests.support.receivers.recording_receivers import events_in, read_whole
from tests.support.register.small_register import BRIN, RIO
from tests.support.servers.commands import osr_hub
from tests.support.servers.hubs import QUEUE, UNSENT, HubUnderTest, create_hub, set_end_date
from tests.support.servers.topics import recreate_topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.recovery.lost import LossReport

ONE, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
async def hub(database: str, kafka: str, topics: Mapping[str, str]) -> AsyncIterator[HubUnderTest]:
    """A hub whose messages for RIO lie at DUO's broker, where nobody has read them."""
    hub = await create_hub(database, kafka, topics)
    await hub.deliver()
    await set_end_date(hub.c, BRIN, RIO)
    await hub.deliver()
    yield hub
    await hub.c.close()


@pytest.fixture
def watch(hub: HubUnderTest) -> LossWatch:
    """Who watches DUO's topics."""
    return LossWatch(hub.c, lambda: 0, hub.topics["duo.reports.v1"])


async def check(hub: HubUnderTest, watch: LossWatch) -> list[LossReport]:
    """Look once."""
    async with open_offset_client(hub.options) as offset_client:
        return await watch.check(offset_client)


async def lose(hub: HubUnderTest) -> None:
    """Let DUO's broker lose the queue: it is there again, and empty."""
    await recreate_topics(hub.kafka, [replace(DUO_RIO, name=hub.topics[QUEUE])])


async def forward(hub: HubUnderTest) -> list[dict[str, object]]:
    """Send what waits, and read the queue as it is then."""
    async with forwarder(hub.settings):
        await hub.settled(UNSENT)
    return events_in(await read_whole(hub.kafka, hub.topics[QUEUE]))


async def test_a_queue_that_was_made_anew_gets_the_current_state_of_each_unit_once(
    hub: HubUnderTest, watch: LossWatch
) -> None:
    """A recreated queue gets one message per unit that replaces the lost one; checking again finds nothing."""
    assert await check(hub, watch) == []
    before = events_in(await read_whole(hub.kafka, hub.topics[QUEUE]))
    await lose(hub)
    (loss,) = await check(hub, watch)
    assert (loss.messages, loss.sent_again) == (len(before), 2)
    assert await check(hub, watch) == []
    again = await forward(hub)
    assert [event["type"] for event in again] == ["nl.osr.mandate.granted.v1"] * 2
    assert {event["replayof"] for event in again} == {event["id"] for event in before[-2:]}
    duo = ReceiverModel()
    duo.take(again)
    assert duo.held() == await expected_state(hub.c, RIO, calendar=False)
    assert await check(hub, watch) == []
    assert (await check_ledger(hub.c, datetime.now(UTC))).violations == []


async def test_what_duo_answered_or_has_by_a_later_message_is_not_sent_again(
    hub: HubUnderTest, watch: LossWatch
) -> None:
    """Only units whose newest message is lost and unreported are sent again."""
    await check(hub, watch)
    newest = events_in(await read_whole(hub.kafka, hub.topics[QUEUE]))[-1]
    report = IncomingReport(
        delivery_id=UUID(newest["id"]), status=ReportStatus.PROCESSED, reported_at=datetime.now(UTC)
    )
    async with hub.c.transaction():
        await settle.apply_reports(hub.c, [report], datetime.now(UTC), 0)
    await lose(hub)
    (loss,) = await check(hub, watch)
    assert loss.sent_again == 1
    (again,) = await forward(hub)
    assert again.get("branch", "") != newest.get("branch", "")


async def test_what_grew_old_is_not_lost(hub: HubUnderTest, watch: LossWatch) -> None:
    """Retention of the broker is no loss."""
    await check(hub, watch)
    admin = AIOKafkaAdminClient(bootstrap_servers=hub.kafka)
    await admin.start()
    records = await read_whole(hub.kafka, hub.topics[QUEUE])
    place = TopicPartition(records[0].topic, records[0].partition)
    await admin.delete_records({place: RecordsToDelete(before_offset=records[-1].offset + 1)})
    await admin.close()
    assert await check(hub, watch) == []
    code, said, _ = await repair(hub)
    assert (code, "have everything" in said) == (0, True)


async def test_repair_finds_by_content_what_nobody_had_an_eye_on(hub: HubUnderTest) -> None:
    """`osr-hub verify --repair` finds losses without earlier offsets, and nothing the second time."""
    await lose(hub)
    code, said, _ = await repair(hub)
    assert code == 0
    assert "duo:rio: 4 messages" in said
    assert "current state of 2 units goes out again" in said
    assert "have everything" in (await repair(hub))[1]
    assert len(await forward(hub)) == 2
    assert "have everything" in (await repair(hub))[1]


async def repair(hub: HubUnderTest) -> tuple[int, str, str]:
    """Run the command on this hub."""
    return await osr_hub(hub.dsn, "verify", "--repair", OSR_HUB_KAFKA__BOOTSTRAP_SERVERS=hub.kafka)


@pytest.mark.parametrize(
    ("there", "floors", "read_from"),
    [
        (TopicOffsets(topic_id=ONE, begins={0: 5, 1: 0}, ends={0: 9, 1: 4}), None, None),
        (TopicOffsets(topic_id=ONE, begins={0: 9, 1: 2}, ends={0: 9, 1: 4}), None, None),
        (TopicOffsets(topic_id=ONE, begins={0: 5, 1: 0}, ends={0: 7, 1: 4}), {0: 7}, {0: 7}),
        (TopicOffsets(topic_id=OTHER, begins={0: 0, 1: 0}, ends={0: 99, 1: 99}), {0: 5, 1: 0}, {}),
    ],
    ids=["nothing new", "grown old", "end went back", "made anew"],
)
def test_a_topic_shows_that_it_lost(
    there: TopicOffsets, floors: Mapping[int, int] | None, read_from: Mapping[int, int] | None
) -> None:
    """Another topic id or a lower end offset is a loss; a higher start offset is none."""
    lost_range = find_lost_range(Watermark(topic_id=ONE, begins={0: 5, 1: 0}, ends={0: 9, 1: 4}), there)
    assert (lost_range and lost_range.floors, lost_range and lost_range.read_from) == (floors, read_from)
    assert find_lost_range(None, there) is None
