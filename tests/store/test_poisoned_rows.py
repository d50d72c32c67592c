"""A row that can never be written or read costs its sender only: the others of its batch go on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from asyncpg.exceptions._base import DataError

from consumers.forwarding.leases import BatchCompleter
from consumers.reporting.reader import ReportReader
from hub import register, settle
from hub.api.reports import ReportBatcher
from hub.clock import now, today
from hub.envelopes import envelope_defaults
from hub.processes.heartbeat import Heartbeat
from hub.settle import Completion, IncomingReport, LaneResult
from hub.store.lanes import LaneUpdate, Lease
from hub.store.meters import Meters
from producers import calendar, delivery_changes
from producers.publishing import SendResult
from producers.relay import Relay
from schemas.kinds import ReportStatus
from tests.support.lanes.forwarding import deliver_all
from tests.support.receivers.hostile_records import REPORT
from tests.support.register.subscriptions import LAS, grant, make_register, plan_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from hub.store.pool import Connection, Pool

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEFAULTS = envelope_defaults(LAS, "https://hub.example")
ZERO_TIME = "update deliveries set status = 'in_progress', reported_at = '-infinity' where id = $1"


class Recorder:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def send(self, _topic: str, records: Sequence[tuple[str, bytes]]) -> SendResult:
        """Keep the keys."""
        self.keys += [brin for brin, _ in records]
        return SendResult(offsets={}, refused={})


@pytest.fixture
async def delivered(connection: Connection) -> tuple[UUID, UUID]:
    """The ids of a delivery that was stored with the zero time, and of one that is as it should be."""
    await make_register(connection)
    for brin in ("00AA", "18DS"):
        await grant(connection, brin=brin, service="RIO")  # type: ignore[arg-type]
    await plan_all(connection)
    await deliver_all(connection)
    poisoned, good = [row["id"] for row in await connection.fetch("select id from deliveries order by brin")]
    await connection.execute(ZERO_TIME, poisoned)
    return poisoned, good


async def status_of(c: Connection, delivery: UUID) -> str:
    """Read a delivery's status."""
    return str(await c.fetchval("select status::text from deliveries where id = $1", delivery))


async def test_over_http_a_report_that_cannot_be_written_fails_alone(
    connection: Connection, pool: Pool, delivered: tuple[UUID, UUID]
) -> None:
    """The others of its batch are applied and answered."""
    batcher = ReportBatcher(pool, now)
    reports = [IncomingReport(delivery_id=d, status=ReportStatus.PROCESSED, reported_at=NOON) for d in delivered]
    answers = await asyncio.gather(*map(batcher.apply, reports), return_exceptions=True)
    assert [isinstance(answer, Exception) for answer in answers] == [True, False]
    assert await status_of(connection, delivered[1]) == "processed"


async def test_a_parked_report_that_cannot_be_applied_keeps_no_other_waiting(
    connection: Connection, pool: Pool, delivered: tuple[UUID, UUID]
) -> None:
    """It is shown with another reason; the other is applied."""
    for n, delivery in enumerate(delivered):
        data = {"deliveryId": str(delivery), "status": "processed", "reportedAt": NOON.isoformat()}
        await connection.execute(
            """insert into parked_records (topic, partition, "offset", headers, bytes, digest, reason, blame, detail,
                                           delivery_id, received_at)
               values ('t', 0, $1, '[]', $2, sha256($2), 'unknown_delivery', 'sender', '', $3, now())""",
            n,
            orjson.dumps({**REPORT, "data": data}),
            delivery,
        )
    async with Heartbeat(pool, "reports") as heartbeat:
        heartbeat.clock.set(NOON)
        await ReportReader(pool, heartbeat)._retry_parked()  # noqa: SLF001 - one of its seconds
    parked = await connection.fetch('select state, reason, blame from parked_records order by "offset"')
    assert [tuple(row) for row in parked] == [("open", "unparsable", "hub"), ("retried", "unknown_delivery", "sender")]
    assert await status_of(connection, delivered[1]) == "processed"


async def test_an_event_that_cannot_be_published_holds_up_its_own_school(connection: Connection) -> None:
    """The others of its batch are published, without a gap in their positions."""
    await make_register(connection)
    for brin in ("00AA", "18DS"):
        await grant(connection, brin=brin, service="RIO")  # type: ignore[arg-type]
    await connection.execute("update events set recorded_at = '-infinity' where brin = '00AA'")
    publisher: Any = Recorder()
    relay = Relay(connection, publisher, DEFAULTS, Meters(), "t")
    assert [await relay.publish() for _ in range(3)] == [1, 1, 0]
    assert publisher.keys == ["18DS"]
    assert await connection.fetchval("select array_agg(position) from published_events") == [1]
    assert await connection.fetchval("select array_agg(brin) from event_outbox") == ["00AA"]


async def test_a_change_that_cannot_be_published_is_left_out(
    connection: Connection, delivered: tuple[UUID, UUID]
) -> None:
    """The others of its row are published, and the row is done."""
    assert len(delivered) == 2
    await connection.execute(
        """update change_outbox set items = (select jsonb_agg(jsonb_set(i, '{5}', '"no time"') ) from
           jsonb_array_elements(items) i where i ->> 1 = '00AA') || (select jsonb_agg(i) from
           jsonb_array_elements(items) i where i ->> 1 <> '00AA')"""
    )
    publisher: Any = Recorder()
    assert await delivery_changes.publish(connection, publisher, DEFAULTS) == 2
    assert publisher.keys == ["18DS"]
    assert await connection.fetchval("select count(*) from change_outbox") == 0


async def test_a_school_whose_dates_fail_keeps_no_other_from_its_own(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have a date that has come; one of them fails each time."""
    await make_register(connection)
    for brin in ("00AA", "18DS"):
        await grant(connection, brin=brin, service="VVA")  # type: ignore[arg-type]
    await connection.execute("update mandates set next_date = $1", today(now()))
    arrive = register.arrive

    async def arrive_or_fail(c: Connection, brins: Sequence[Any], at: Any) -> int:
        if "00AA" in brins:
            raise TypeError("a fault of ours")
        return await arrive(c, brins, at)

    monkeypatch.setattr(register, "arrive", arrive_or_fail)
    await calendar.catch_up(connection, now())
    left = await connection.fetch("select brin from mandates where next_date is not null")
    assert [row["brin"] for row in left] == ["00AA"]


@pytest.mark.parametrize("fault", [TypeError("a fault of ours"), DataError("invalid input for query argument $1")])
async def test_a_lane_whose_result_cannot_be_written_keeps_no_other_from_its_own(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """Whatever it fails with; a value that the driver cannot send counts as such, and is not tried for ever."""
    written: list[tuple[str, float]] = []

    async def record(_c: Connection, _process: int, batch: Sequence[LaneResult], _now: datetime) -> Completion:
        if any(result.update.lease.brin == "00AA" and not result.update.wait for result in batch):
            raise fault
        written.extend((result.update.lease.brin, result.update.wait) for result in batch)
        return Completion(len(batch), may_be_due=True)

    monkeypatch.setattr(settle, "complete", record)
    async with Heartbeat(pool, "forward") as heartbeat:
        completer = BatchCompleter(pool, heartbeat, lambda *_: None)
        for brin in ("00AA", "18DS"):
            lease = Lease(destination=1, brin=brin, head=0, sent=0, closed=0, token=1)
            completer.put(LaneResult(update=LaneUpdate(lease=lease, head=1, sent=1, closed=0, wait=0.0)))
        await completer.flush()
    assert written == [("00AA", 60.0), ("18DS", 0.0)]
