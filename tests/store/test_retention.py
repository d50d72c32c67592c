"""Retention: old rows are deleted, needed ones stay, and the ledger check holds after every step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import register
from hub.clock import now, today
from hub.domain.bulk import BulkState
from hub.domain.retention import RetentionPeriods, cutoffs, months_before
from hub.observe.books import Rule, check_ledger
from hub.observe.status import school_status
from hub.operations import bulk
from hub.operations.retention import KINDS, RetentionRun, apply
from hub.register import DateChange
from hub.store import anchors, audit
from hub.store.audit import AuditEntry
from hub.store.people import SystemActor
from tests.support.lanes.ledger_states import fail, plan_all, publish, report, take
from tests.support.register.bulk_jobs import by, submit, wanted
from tests.support.register.subscriptions import BRINS, at, grant, make_register

if TYPE_CHECKING:
    from hub.domain.mandate import Mandate
    from hub.store.pool import Connection

TERMS = RetentionPeriods(register_years=7, deliveries_months=18, attempts_days=90, parked_days=30)
RIO = "duo:rio"


async def keep(c: Connection, *, days: int, dry: bool = False) -> dict[str, int]:
    """Apply retention this many days from now; return what was deleted."""
    later = now() + timedelta(days=days)
    run = RetentionRun(c=c, cutoffs=cutoffs(later, TERMS), dry=dry, tell=lambda _kind, _n: None)
    return {kind: n for kind, n in (await apply(run, later, SystemActor.COMMAND_LINE)).items() if n}


async def is_right(c: Connection) -> bool:
    """Run the ledger check and report violations."""
    violations = (await check_ledger(c, now())).violations
    for violation in violations:
        print(violation)
    return not violations


async def amend(c: Connection, mandate: Mandate, days: int) -> None:
    """Amend a mandate, and let DUO process its messages."""
    async with c.transaction():
        await register.amend(c, mandate.id, DateChange(end_date=at().today + timedelta(days=days)), at())
    await process(c)


async def process(c: Connection) -> None:
    """Let DUO receive and process everything that waits for it."""
    await plan_all(c)
    await take(c, RIO)
    for row in await c.fetch("select id from deliveries where status = 'delivered' order by sequence"):
        await report(c, str(row["id"]), "processed")


async def lane(c: Connection) -> tuple[int, int, list[int]]:
    """Return the lane of 18DS to RIO: its tail, the number of archived deliveries, and the kept sequences."""
    row = await c.fetchrow(
        """select x.tail, x.archived, array_agg(d.sequence order by d.sequence) filter (where d.id is not null) as kept
             from lanes x left join deliveries d on d.destination = x.destination and d.brin = x.brin
            where x.brin = '18DS' and x.destination = (select id from destinations where name = $1)
            group by x.tail, x.archived""",
        RIO,
    )
    assert row is not None
    return row["tail"], row["archived"], row["kept"] or []


@pytest.fixture
async def told(connection: Connection) -> Mandate:
    """A mandate for RIO with a routed branch, amended twice: six processed messages."""
    await make_register(connection)
    mandate = await grant(connection, service="RIO", routed=["18DS01"])
    await process(connection)
    for days in (400, 4000):
        await amend(connection, mandate, days)
    return mandate


@pytest.mark.usefixtures("told")
async def test_what_a_living_unit_was_last_told_stays(connection: Connection) -> None:
    """Of the old messages about units in force, the newest of each is kept and shown."""
    before = await school_status(connection, BRINS[1], now(), today(now()))
    assert await keep(connection, days=300) == {}
    assert await keep(connection, days=700) == {"deliveries": 4}
    assert await lane(connection) == (6, 4, [5, 6])
    assert await is_right(connection)
    after = await school_status(connection, BRINS[1], now(), today(now()))
    assert before is not None
    assert after is not None
    assert before.branches == after.branches
    account = next(a for a in (await check_ledger(connection, now())).accounts if a.destination == RIO)
    assert (account.planned, account.archived, account.difference) == (6, 4, 0)


async def test_a_lane_goes_on_after_it_was_thinned(connection: Connection, told: Mandate) -> None:
    """A lane with deleted deliveries keeps its numbering and its `previoussequence`."""
    await keep(connection, days=700)
    await amend(connection, told, 2000)
    assert await lane(connection) == (8, 4, [5, 6, 7, 8])
    assert await connection.fetchval("select sent from lanes where brin = '18DS' and tail = 8") == 8
    assert await is_right(connection)
    assert await keep(connection, days=700) == {"deliveries": 2}
    assert await lane(connection) == (8, 6, [7, 8])
    assert await is_right(connection)


async def test_what_is_not_at_its_end_keeps_all_behind_it(connection: Connection, told: Mandate) -> None:
    """A message without its report is kept with all later ones and the one that it names."""
    async with connection.transaction():
        await register.amend(connection, told.id, DateChange(end_date=at().today + timedelta(days=500)), at())
    await plan_all(connection)
    await take(connection, RIO)
    await amend_unreported(connection, told)
    assert await keep(connection, days=900) == {"deliveries": 5}
    assert await lane(connection) == (10, 5, [6, 7, 8, 9, 10])
    assert await is_right(connection)


async def amend_unreported(c: Connection, mandate: Mandate) -> None:
    """Add one more change that waits for its report."""
    async with c.transaction():
        await register.amend(c, mandate.id, DateChange(end_date=at().today + timedelta(days=600)), at())
    await plan_all(c)


async def test_a_mandate_that_is_over_leaves_only_what_the_next_message_names(
    connection: Connection, told: Mandate
) -> None:
    """Of an ended mandate only the last sent message stays."""
    async with connection.transaction():
        await register.withdraw(connection, told.id, at())
    await process(connection)
    assert await keep(connection, days=700, dry=True) == {"deliveries": 7}
    assert await keep(connection, days=700) == {"deliveries": 7}
    assert await lane(connection) == (8, 7, [8])
    assert await is_right(connection)


async def test_attempts_reports_and_bytes_have_times_of_their_own(connection: Connection) -> None:
    """Attempts and reports go after 90 days unless still in progress, parked bytes after 30."""
    await make_register(connection)
    await grant(connection, service="RIO")
    await plan_all(connection)
    await fail(connection, RIO)
    await connection.execute("update lanes set due = now() where due is not null")
    await take(connection, RIO)
    (row,) = await connection.fetch("select id from deliveries where status = 'delivered'")
    await report(connection, str(row["id"]), "in_progress", "wait")
    await connection.execute(
        """insert into parked_records
             (topic, partition, "offset", headers, bytes, digest, reason, blame, detail, received_at)
           values ('t', 0, 1, '[["a", "b"]]', 'x', 'x', 'schema', 'sender', 'wrong', now())"""
    )
    assert await keep(connection, days=29) == {}
    assert await keep(connection, days=31) == {"parked bytes": 1}
    assert await connection.fetchval("select count(*) from parked_records where bytes is null and headers = '[]'") == 1
    assert await keep(connection, days=91) == {"attempts": 1}
    await report(connection, str(row["id"]), "processed", minutes=1)
    assert await keep(connection, days=91) == {"reports": 2}
    assert await is_right(connection)


async def test_a_mandate_is_forgotten_with_its_events_seven_years_after_it_was_over(
    connection: Connection, told: Mandate
) -> None:
    """A mandate goes with its events after seven years, unless a kept message needs it."""
    async with connection.transaction():
        await register.withdraw(connection, told.id, at())
    await process(connection)
    await publish(connection)
    assert "mandates" not in await keep(connection, days=8 * 366)
    await grant(connection, service="RIO")
    await process(connection)
    await publish(connection)
    assert "mandates" in await keep(connection, days=8 * 366, dry=True)
    gone = await keep(connection, days=8 * 366)
    assert (gone["mandates"], gone["events"]) == (1, 4)
    assert await connection.fetchval("select array_agg(number order by number) from events") == [5]
    assert await connection.fetchval("select array_agg(position) from published_events") == [5]
    assert await connection.fetchval("select counter - archived_events from schools where brin = '18DS'") == 1
    assert await is_right(connection)


@pytest.mark.usefixtures("told")
async def test_acts_go_when_they_ended_and_when_nobody_ever_approved_them(connection: Connection) -> None:
    """Ended and never approved bulk jobs go with their items and people; running ones stay."""
    running = await submit(connection, wanted(destination=RIO), "ann")
    waits = await submit(connection, wanted(destination=RIO), "bob", above=0)
    stopped = await submit(connection, wanted(destination=RIO), "cis", above=0)
    async with connection.transaction():
        await bulk.stop(connection, stopped.id, by("cis"))
    await connection.execute("update bulk_jobs set ended_at = now() where ended_at is not null; delete from audit")
    await connection.execute("delete from audit_heads; update people set since = now()")
    assert (waits.state, "bulk acts" in await keep(connection, days=7 * 365)) == (BulkState.AWAITING_APPROVAL, False)
    assert (await keep(connection, days=7 * 365 + 3))["bulk acts"] == 2
    left = await connection.fetch("select a.id, (select count(*) from bulk_items where job_id = a.id) from bulk_jobs a")
    assert [tuple(row) for row in left] == [(running.id, running.todo)]
    assert await connection.fetchval("select array_agg(subject) from people") == ["ann"]


@pytest.mark.usefixtures("told")
async def test_a_dry_run_says_what_would_go_and_takes_nothing(connection: Connection) -> None:
    """A dry run returns the same numbers and deletes nothing."""
    assert await keep(connection, days=700, dry=True) == {"deliveries": 4}
    assert await lane(connection) == (6, 0, [1, 2, 3, 4, 5, 6])
    assert await connection.fetchval("select count(*) from audit where action = 'retention.applied'") == 0
    assert await keep(connection, days=700) == {"deliveries": 4}


@pytest.mark.usefixtures("told")
async def test_who_is_stopped_in_the_middle_begins_again(connection: Connection) -> None:
    """After a stop at any step the ledger check holds, and the next run does the rest."""
    later = now() + timedelta(days=700)

    def stop(kind: str, n: int) -> None:
        if kind == "attempts" or n:
            raise KeyboardInterrupt

    run = RetentionRun(c=connection, cutoffs=cutoffs(later, TERMS), dry=False, tell=stop)
    with pytest.raises(KeyboardInterrupt):
        await apply(run, later, SystemActor.COMMAND_LINE)
    assert await is_right(connection)
    assert await keep(connection, days=700) == {"deliveries": 4}
    assert await is_right(connection)


@pytest.mark.usefixtures("told")
async def test_the_audit_is_whole_after_its_beginning_is_gone(connection: Connection) -> None:
    """A chain stays verifiable after its start was deleted; later manual deletions are still found."""
    old = AuditEntry(at=now(), actor="jansen", action="x", brin="18DS")
    async with connection.transaction():
        await audit.write_all(connection, [old] * 3)
        await anchors.make(connection, today(now()), now(), SystemActor.HUB)
        await audit.write(connection, replace(old, at=now() + timedelta(days=3000), actor="de vries"))
    gone = await keep(connection, days=3000)
    assert (gone["notes"], gone["people"]) == (4, 1)
    assert await is_right(connection)
    rows = await connection.fetch("select chain, base, length from audit_heads order by chain")
    assert [tuple(row) for row in rows] == [("", 1, 2), ("18DS", 3, 4)]
    assert await connection.fetchval("select array_agg(subject) from people where subject is not null") == ["de vries"]
    await connection.execute("delete from audit where chain = '18DS'")
    assert {(v.rule, v.brin) for v in (await check_ledger(connection, now())).violations} == {
        (Rule.AUDIT_CHAIN, "18DS")
    }


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    "change",
    [
        "delete from deliveries where sequence = 6",
        "delete from deliveries where sequence = 5",
        "update lanes set archived = archived - 1 where archived > 0",
        "update lanes set archived_through = 3, archived = 3 where archived > 0",
        "update schools set archived_events = 1 where counter > 0",
        "update hub_state set archived_positions = 1",
    ],
)
async def test_what_is_missing_and_not_archived_is_found(connection: Connection, change: str) -> None:
    """A missing row that retention did not count is found."""
    await publish(connection)
    await keep(connection, days=700)
    assert await is_right(connection)
    await connection.execute(change)
    assert not await is_right(connection)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(0, 200))  # noqa: DTZ001 - made aware below
def test_months_back_end_on_a_day_that_exists(moment: datetime, months: int) -> None:
    """The day some months back exists and is never later than asked for."""
    at = moment.replace(tzinfo=UTC)
    back = months_before(at, months)
    assert (back.year * 12 + back.month) == at.year * 12 + at.month - months
    assert back.day == at.day or (back + timedelta(days=1)).day == 1
    assert back.timetz() == at.timetz()


def test_leap_days_and_all_kinds() -> None:
    """Seven years before a leap day is 28 February; each kind of data has a name."""
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert cutoffs(leap, TERMS).register.date() == date(2021, 2, 28)
    assert cutoffs(leap, TERMS).deliveries.date() == date(2026, 8, 29)
    assert len(set(KINDS)) == len(KINDS)
