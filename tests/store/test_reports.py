"""Reports that are repeated, late, early, out of order, unknown, or corrections."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from hub import settle
from hub.errors import Conflict, NotFound
from hub.settle import IncomingReport, UnknownDelivery
from hub.store import lanes, processes
from schemas.kinds import ReportStatus
from tests.support.lanes.forwarding import deliver_all
from tests.support.register.subscriptions import assert_books_right, grant, make_register, plan_all

if TYPE_CHECKING:
    from hub.store.pool import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIGNALS = '[{"kind":"Melding","code":"M1","text":"let op"}]'


@pytest.fixture
async def told(connection: Connection) -> Connection:
    """A school with a mandate for RIO whose three messages wait in DUO's lane."""
    await make_register(connection)
    mandate = await grant(connection, service="RIO")
    for version in (2, 3):
        await connection.execute(
            """insert into events select brin, number + 1, recorded_at, gen_random_uuid(), mandate_id, $2, 'amended',
                      replace(units::text, 'granted', 'amended')::jsonb, body, traceparent
                 from events where mandate_id = $1 order by number desc limit 1""",
            mandate.id,
            version,
        )
    await connection.execute("update schools set counter = counter + 2 where brin = '18DS'")
    await plan_all(connection)
    return connection


async def ids(c: Connection) -> list[UUID]:
    """Return the ids of the deliveries in lane order."""
    return [row["id"] for row in await c.fetch("select id from deliveries order by sequence")]


async def report(c: Connection, *reports: IncomingReport) -> list[Any]:
    """Apply reports in one transaction; return the status, or why the report was ignored."""
    async with c.transaction():
        answers = await settle.apply_reports(c, reports, NOON, 0)
    return [
        "unknown" if isinstance(a, UnknownDelivery) else [(r.ignored_because or r.status).value for r in a]
        for a in answers
    ]


def says(delivery: UUID | None, status: str, minutes: int = 0, **more: Any) -> IncomingReport:
    """Make a report of `minutes` after noon."""
    return IncomingReport(
        delivery_id=delivery, status=ReportStatus(status), reported_at=NOON + timedelta(minutes=minutes), **more
    )


async def statuses(c: Connection) -> list[str]:
    """Return the statuses in lane order."""
    return [row["s"] for row in await c.fetch("select status::text s from deliveries order by sequence")]


async def test_a_report_may_come_before_the_transport_is_known(told: Connection) -> None:
    """An early report proves the transport: the lane goes on without sending again."""
    first, *_ = await ids(told)
    assert await report(told, says(first, "processed")) == [["processed"]]
    sent = await deliver_all(told)
    assert sent == [2, 3]
    assert await statuses(told) == ["processed", "delivered", "delivered"]
    await assert_books_right(told)


async def test_a_repeat_is_a_duplicate_and_an_older_one_changes_nothing(told: Connection) -> None:
    """The newest `reportedAt` wins; every report is stored."""
    await deliver_all(told)
    first, *_ = await ids(told)
    assert await report(told, says(first, "processed", 5)) == [["processed"]]
    assert await report(told, says(first, "processed", 5), says(first, "rejected", 1)) == [["duplicate"], ["older"]]
    assert await report(told, says(first, "rejected", 9, signals=SIGNALS)) == [["rejected"]]
    kept = await told.fetch("select status, applied, ignored_because from reports order by id")
    assert [tuple(row) for row in kept] == [
        ("processed", False, "duplicate"),
        ("rejected", False, "older"),
        ("processed", True, None),
        ("rejected", True, None),
    ]
    await assert_books_right(told)


@pytest.mark.parametrize("is_by_duo", [False, True])
async def test_a_flood_of_reports_costs_a_bounded_number_of_rows(told: Connection, is_by_duo: bool) -> None:  # noqa: FBT001 - over Kafka or HTTP
    """Of a delivery the newest corrections and the newest ignored reports are kept, however many come."""
    await deliver_all(told)
    first, _, third = await ids(told)
    await report(told, says(first, "rejected", 1, signals=SIGNALS, is_by_duo=is_by_duo))
    for n in range(0, 100, 10):
        wave = [says(third, ("processed", "rejected")[m % 2], m, is_by_duo=is_by_duo) for m in range(n, n + 10)]
        await report(told, *wave, *wave)
    kept = await told.fetch(
        "select sequence, applied, count(*), max(reported_at) from reports group by 1, 2 order by 1, 2"
    )
    assert [tuple(row) for row in kept] == [
        (1, True, 1, NOON + timedelta(minutes=1)),
        (3, False, 20, NOON + timedelta(minutes=99)),
        (3, True, 20, NOON + timedelta(minutes=99)),
    ]
    await assert_books_right(told)


async def test_an_answer_supersedes_older_unreported_ones_of_its_unit(told: Connection) -> None:
    """A final report supersedes older unreported deliveries of its unit; a report on these is still applied."""
    await deliver_all(told)
    first, _, third = await ids(told)
    assert await report(told, says(third, "processed_with_signal", signals=SIGNALS)) == [["processed_with_signal"]]
    assert await statuses(told) == ["superseded", "superseded", "processed_with_signal"]
    assert await report(told, says(first, "processed", 1)) == [["final"]]
    await assert_books_right(told)


async def test_work_in_progress_supersedes_nothing(told: Connection) -> None:
    """`in_progress` supersedes nothing."""
    await deliver_all(told)
    third = (await ids(told))[2]
    await report(told, says(third, "in_progress"))
    assert await statuses(told) == ["delivered", "delivered", "in_progress"]
    await assert_books_right(told)


async def test_a_mandate_and_version_names_all_its_units(told: Connection) -> None:
    """A report by mandate and version applies to all units at DUO's queue."""
    await deliver_all(told)
    mandate = await told.fetchval("select id from mandates")
    assert await report(told, says(None, "rejected", mandate=(mandate, 1))) == [["rejected"]]
    assert await statuses(told) == ["rejected", "delivered", "delivered"]
    assert await report(told, says(None, "processed", mandate=(mandate, 9))) == ["unknown"]


async def test_what_nobody_knows_stops_no_other(told: Connection) -> None:
    """An unknown delivery does not stop other reports of the batch."""
    await deliver_all(told)
    first, second, _ = await ids(told)
    answers = await report(told, says(first, "processed"), says(uuid4(), "processed"), says(second, "processed"))
    assert answers == [["processed"], "unknown", ["processed"]]


async def test_what_waits_can_be_cancelled_and_the_lane_goes_on(told: Connection) -> None:
    """A cancelled delivery is never sent, and the next message names the one before it."""
    first, second, third = await ids(told)
    async with told.transaction():
        gone = await settle.cancel(told, first, "wrong school", NOON)
        await settle.cancel(told, second, "wrong school", NOON)
    assert (gone.brin, gone.before, gone.after) == ("18DS", "waiting", "cancelled")
    assert (await told.fetchval("select head from lanes")) == 2
    assert await deliver_all(told) == [3]
    with pytest.raises(Conflict):
        await settle.cancel(told, third, "too late", NOON)
    with pytest.raises(NotFound):
        await settle.cancel(told, uuid4(), "never was", NOON)
    await assert_books_right(told)


async def test_a_cancelled_number_hurries_nobody_before_it(told: Connection) -> None:
    """Cancelling behind the head leaves the due time; cancelling the head makes the next one due."""
    first, _, third = await ids(told)
    later = await told.fetchval("update lanes set due = clock_timestamp() + '1 hour' returning due")
    async with told.transaction():
        await settle.cancel(told, third, "wrong school", NOON)
    assert await told.fetchval("select due from lanes") == later
    async with told.transaction():
        await settle.cancel(told, first, "wrong school", NOON)
    assert await told.fetchval("select due <= clock_timestamp() from lanes")


async def test_a_cancelled_number_hides_no_reported_one(told: Connection) -> None:
    """The head passes a cancelled and a reported delivery; the next message names the reported one."""
    first, second, _ = await ids(told)
    await report(told, says(first, "processed"))
    async with told.transaction():
        await settle.cancel(told, second, "wrong school", NOON)
    lane = await told.fetchrow("select head, sent from lanes")
    assert lane is not None
    assert (lane["head"], lane["sent"]) == (2, 1)


async def test_what_is_on_its_way_cannot_be_cancelled(told: Connection) -> None:
    """A delivery in a leased lane cannot be cancelled."""
    owner = (await processes.enter(told, "forward")).process
    destination = await told.fetchval("select destination from lanes")
    assert len(await lanes.take(told, owner, {destination: 1}, 1)) == 1
    with pytest.raises(Conflict):
        await settle.cancel(told, (await ids(told))[0], "in flight", NOON)


async def test_nothing_that_waits_is_closed(told: Connection) -> None:
    """`closed` never passes a delivery that waits for a report."""
    for number in range(4, 60):
        await told.execute(
            """insert into events select brin, number + 1, recorded_at, gen_random_uuid(), mandate_id, $1, 'amended',
                      units, body, traceparent from events order by number desc limit 1""",
            number,
        )
        await told.execute("update schools set counter = counter + 1 where brin = '18DS'")
    await plan_all(told)
    await deliver_all(told)
    everything = await ids(told)
    await report(told, *(says(i, "in_progress") for i in everything[:1]))
    await report(told, *(says(i, "in_progress") for i in everything[1:40]))
    assert await told.fetchval("select closed from lanes") == 0
    await report(told, says(everything[39], "processed", 1))
    assert await told.fetchval("select closed from lanes") == 40
    await assert_books_right(told)
