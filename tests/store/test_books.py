"""The books: right while traffic is under way, and wrong for each thing that can be wrong, with where it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from hub.clock import now
from hub.domain.delivery import Status
from hub.observe.books import Rule, Violation, verify
from tests.support.seen import fail, plan_all, report, take
from tests.support.subscribed import BRINS, grant, make_register

if TYPE_CHECKING:
    from hub.store.pool import Connection

LAS = "las:00000099000000001000"


@pytest.fixture
async def ledger(connection: Connection) -> Connection:
    """A school with mandates for VVA and RIO, one branch routed: what went to DUO was taken, one part is processed."""
    await make_register(connection)
    for service in ("VVA", "RIO"):
        await grant(connection, service=service, routed=["18DS01"])
    await plan_all(connection)
    await take(connection, "duo:rio")
    rows = await connection.fetch("select id from deliveries where status = 'delivered' order by sequence")
    await report(connection, str(rows[0]["id"]), "processed")
    return connection


async def broken(c: Connection) -> set[tuple[Rule, str | None, str | None]]:
    """Do the books and say which rules do not hold, and where."""
    return {(v.rule, v.destination, v.brin) for v in (await verify(c, now())).violations}


async def test_right_books_say_how_everything_stands(ledger: Connection) -> None:
    """Planned is what the lanes say, each status is counted row by row, and nothing is missing."""
    books = await verify(ledger, now())
    assert (books.ok, books.events, books.ledger_epoch, books.violations) == (True, 2, 1, [])
    accounts = {each.destination: each for each in books.accounts}
    rio, las = accounts["duo:rio"], accounts[LAS]
    assert (rio.planned, rio.statuses[Status.DELIVERED], rio.statuses[Status.PROCESSED], rio.difference) == (2, 1, 1, 0)
    assert (las.planned, las.statuses[Status.WAITING], las.difference) == (2, 2, 0)


async def test_failures_and_reports_that_come_early_are_no_fault(ledger: Connection) -> None:
    """A lane that is tried again, and a report on what still waits, keep the books right."""
    await grant(ledger, service="RIO", brin=BRINS[0])
    await plan_all(ledger)
    await fail(ledger, "duo:rio")
    assert await broken(ledger) == set()
    waiting = await ledger.fetchval("select id from deliveries where status = 'retrying'")
    await report(ledger, str(waiting), "in_progress")
    assert await broken(ledger) == set()


WRONGS: list[tuple[str, set[tuple[Rule, str | None, str | None]]]] = [
    (
        "delete from deliveries where sequence = 2 and status = 'delivered'",
        {
            (Rule.BALANCE, "duo:rio", None),
            (Rule.SEQUENCE, "duo:rio", "18DS"),
            (Rule.UNPLANNED, "duo:rio", "18DS"),
            (Rule.STATUS, "duo:rio", "18DS"),
        },
    ),
    (
        "delete from deliveries where sequence = 1 and status = 'waiting'",
        {(Rule.BALANCE, LAS, None), (Rule.SEQUENCE, LAS, "18DS"), (Rule.UNPLANNED, LAS, "18DS")},
    ),
    ("update tallies set n = n + 1 where status = 'processed'", {(Rule.BALANCE, "duo:rio", None)}),
    ("update deliveries set status = 'in_progress' where status = 'delivered'", {(Rule.BALANCE, "duo:rio", None)}),
    (
        "update lanes set tail = tail + 1 where head = 0",
        {(Rule.BALANCE, LAS, None), (Rule.SEQUENCE, LAS, "18DS")},
    ),
    ("update lanes set due = null where head = 0", {(Rule.STRANDED_LANE, LAS, "18DS")}),
    ("update lanes set due = null, owner = 999 where head = 0", {(Rule.STRANDED_LANE, LAS, "18DS")}),
    (
        "update lanes set head = 1, sent = 1 where head = 0",
        {(Rule.STATUS, LAS, "18DS")},
    ),
    ("update lanes set head = 0, sent = 0, due = now() where head > 0", {(Rule.STATUS, "duo:rio", "18DS")}),
    ("update lanes set closed = 2 where head = 2", {(Rule.STATUS, "duo:rio", "18DS")}),
    ("update lanes set head = 2, sent = 2 where head = 0", {(Rule.STATUS, LAS, "18DS")}),
    (
        """update deliveries set branch = '18DS01' where branch = '' and status = 'waiting'""",
        {(Rule.PLANNED_TWICE, LAS, "18DS"), (Rule.UNPLANNED, LAS, "18DS")},
    ),
    (
        """update deliveries set id = (select id from deliveries where status = 'processed') where sequence = 2 and
           destination = (select id from destinations where name = 'duo:rio')""",
        {(Rule.PLANNED_TWICE, "duo:rio", "18DS")},
    ),
    (
        "update deliveries set event_number = 7 where sequence = 2 and status = 'waiting'",
        {(Rule.PLANNED_TWICE, LAS, "18DS"), (Rule.UNPLANNED, LAS, "18DS")},
    ),
    ("update schools set counter = 9 where brin = '18DS'", {(Rule.SEQUENCE, None, "18DS")}),
    ("update plans set planned_through = 9 where brin = '18DS'", {(Rule.SEQUENCE, None, "18DS")}),
    ("delete from todo where number = 1", {(Rule.SEQUENCE, None, "18DS")}),
    (
        "insert into feed values (5, '18DS', 1, now()); delete from todo where number = 1",
        {(Rule.SEQUENCE, None, None)},
    ),
]


@pytest.mark.parametrize(("change", "expected"), WRONGS, ids=[change[:60] for change, _ in WRONGS])
async def test_whatever_is_wrong_is_found(
    ledger: Connection, change: str, expected: set[tuple[Rule, str | None, str | None]]
) -> None:
    """A hand that changes one row breaks the rules that know of it, and no other."""
    await ledger.execute(change)
    assert await broken(ledger) == expected


async def test_a_status_that_no_check_guards_is_found_by_its_shape(ledger: Connection) -> None:
    """Also where the constraints were taken away."""
    await ledger.execute("alter table deliveries drop constraint done_was_reported")
    await ledger.execute("update deliveries set processed_at = null where status = 'processed'")
    violations = (await verify(ledger, now())).violations
    found = await ledger.fetchval("select id from deliveries where status = 'processed'")
    assert [(v.rule, v.delivery_id) for v in violations] == [(Rule.STATUS, found)]


async def test_a_lane_of_a_living_owner_is_not_stranded(ledger: Connection) -> None:
    """It is when the owner has not beaten for ten seconds."""
    owner = await ledger.fetchval("insert into processes (role, host, pid) values ('forward', 'h', 1) returning id")
    await ledger.execute("update lanes set due = null, owner = $1 where head = 0", owner)
    assert await broken(ledger) == set()
    await ledger.execute("update processes set beat_at = now() - interval '11 seconds'")
    assert await broken(ledger) == {(Rule.STRANDED_LANE, LAS, "18DS")}


async def test_what_a_person_holds_waits_for_nobody(ledger: Connection) -> None:
    """A held lane has no moment, and that is right."""
    await ledger.execute("update lanes set due = null, held = true where head = 0")
    assert await broken(ledger) == set()


async def test_traffic_raises_no_alarm(ledger: Connection, database: str) -> None:
    """While schools are planned and messages taken side by side, every look finds right books."""
    done = asyncio.Event()

    async def look() -> list[Violation]:
        found: list[Violation] = []
        other: Any = await asyncpg.connect(database)
        while not done.is_set():
            found += (await verify(other, now())).violations
        await other.close()
        return found

    looking = asyncio.create_task(look())
    for _ in range(15):
        await _change_all(ledger)
        await plan_all(ledger)
        await take(ledger, "duo:rio")
    done.set()
    assert await looking == []


async def _change_all(c: Connection) -> None:
    async with c.transaction():
        await c.execute(
            """with e as (
                 insert into events
                 select e.brin, s.counter + row_number() over (order by e.mandate_id), now(), gen_random_uuid(),
                        e.mandate_id, e.mandate_version + 1, 'amended',
                        replace(e.units::text, 'granted', 'amended')::jsonb, e.body, null
                   from (select distinct on (mandate_id) * from events order by mandate_id, mandate_version desc) e
                   join schools s on s.brin = e.brin
                 returning brin, number)
               insert into todo (brin, number) select brin, number from e"""
        )
        await c.execute(
            "update schools s set counter = (select coalesce(max(number), 0) from events e where e.brin = s.brin)"
        )
