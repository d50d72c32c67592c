"""The ledger check: it holds under load, and finds and locates each kind of corruption."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from hub.clock import now
from hub.domain.delivery import Status
from hub.observe.books import Rule, Violation, check_ledger
from tests.support.lanes.ledger_states import fail, plan_all, report, take
from tests.support.register.subscriptions import BRINS, grant, make_register, subscribed

if TYPE_CHECKING:
    from hub.store.pool import Connection

LAS = "las:00000099000000001000"


@pytest.fixture
async def ledger(connection: Connection) -> Connection:
    """A school with mandates for VVA and RIO, one branch routed; DUO's messages are delivered, one is processed."""
    await make_register(connection)
    for service in ("VVA", "RIO"):
        await grant(connection, service=service, routed=["18DS01"])
    await plan_all(connection)
    await take(connection, "duo:rio")
    rows = await connection.fetch("select id from deliveries where status = 'delivered' order by sequence")
    await report(connection, str(rows[0]["id"]), "processed")
    return connection


async def broken(c: Connection) -> set[tuple[Rule, str | None, str | None]]:
    """Run the ledger check and return the rules that are broken, and where."""
    return {(v.rule, v.destination, v.brin) for v in (await check_ledger(c, now())).violations}


async def test_right_books_say_how_everything_stands(ledger: Connection) -> None:
    """A correct ledger reports planned and counted deliveries per status without a difference."""
    books = await check_ledger(ledger, now())
    assert (books.ok, books.events, books.ledger_epoch, books.violations) == (True, 2, 1, [])
    accounts = {each.destination: each for each in books.accounts}
    rio, las = accounts["duo:rio"], accounts[LAS]
    assert (rio.planned, rio.statuses[Status.DELIVERED], rio.statuses[Status.PROCESSED], rio.difference) == (2, 1, 1, 0)
    assert (las.planned, las.statuses[Status.WAITING], las.difference) == (2, 2, 0)


async def test_failures_and_reports_that_come_early_are_no_fault(ledger: Connection) -> None:
    """A retrying lane and a report before its transport break no rule."""
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
    (
        "update deliveries set status = 'in_progress' where status = 'delivered'",
        {(Rule.BALANCE, "duo:rio", None), (Rule.STATUS, "duo:rio", "18DS")},
    ),
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
    ("update planning_progress set planned_through = 9 where brin = '18DS'", {(Rule.SEQUENCE, None, "18DS")}),
    ("delete from event_outbox where number = 1", {(Rule.SEQUENCE, None, "18DS")}),
    (
        "insert into published_events values (5, '18DS', 1, now()); delete from event_outbox where number = 1",
        {(Rule.SEQUENCE, None, None)},
    ),
    ("insert into published_events values (1, '18DS', 1, now())", {(Rule.SEQUENCE, None, "18DS")}),
    ("insert into event_outbox (brin, number) values ('18DS', 1)", {(Rule.SEQUENCE, None, "18DS")}),
    ("insert into event_outbox (brin, number) values ('18DS', 9)", {(Rule.SEQUENCE, None, "18DS")}),
    ("insert into published_events values (1, '00AA', 4, now())", {(Rule.SEQUENCE, None, "00AA")}),
    (
        "delete from events where number = 2",
        {(Rule.SEQUENCE, None, "18DS"), (Rule.PLANNED_TWICE, "duo:rio", "18DS")},
    ),
    (
        "delete from lanes where head = 0",
        {(Rule.BALANCE, LAS, None), (Rule.SEQUENCE, LAS, "18DS")},
    ),
    ("update planning_progress set planned_through = 1 where brin = '18DS'", {(Rule.SEQUENCE, None, "18DS")}),
    ("delete from planning_progress", {(Rule.SEQUENCE, None, "18DS")}),
    (
        "delete from deliveries where destination = (select id from destinations where name = 'duo:rio')",
        {
            (Rule.BALANCE, "duo:rio", None),
            (Rule.SEQUENCE, "duo:rio", "18DS"),
            (Rule.UNPLANNED, "duo:rio", "18DS"),
            (Rule.STATUS, "duo:rio", "18DS"),
        },
    ),
    (
        "update deliveries set sequence = 7 where sequence = 2 and status = 'waiting'",
        {(Rule.SEQUENCE, LAS, "18DS")},
    ),
    (
        """alter table deliveries drop constraint deliveries_pkey;
           insert into deliveries select * from deliveries where sequence = 2 and status = 'waiting'""",
        {(Rule.BALANCE, LAS, None), (Rule.SEQUENCE, LAS, "18DS"), (Rule.PLANNED_TWICE, LAS, "18DS")},
    ),
    (
        "update deliveries set status = 'delivered', delivered_at = now() where sequence = 1 and status = 'waiting'",
        {(Rule.BALANCE, LAS, None), (Rule.STATUS, LAS, "18DS")},
    ),
    (
        "update deliveries set status = 'dead', reason = 'refused' where sequence = 1 and status = 'waiting'",
        {(Rule.BALANCE, LAS, None), (Rule.STATUS, LAS, "18DS")},
    ),
    (
        "update deliveries set status = 'waiting', delivered_at = null where status = 'delivered'",
        {(Rule.BALANCE, "duo:rio", None), (Rule.STATUS, "duo:rio", "18DS")},
    ),
    (
        "update deliveries set status = 'processed', processed_at = now() where status = 'delivered'",
        {(Rule.BALANCE, "duo:rio", None), (Rule.STATUS, "duo:rio", "18DS")},
    ),
    (
        "update deliveries set status = 'delivered', processed_at = null where status = 'processed'",
        {(Rule.BALANCE, "duo:rio", None), (Rule.STATUS, "duo:rio", "18DS")},
    ),
    ("update deliveries set status = 'activated' where status = 'processed'", {(Rule.BALANCE, "duo:rio", None)}),
    (
        "update deliveries set expects_report = false where status = 'delivered'",
        {(Rule.BALANCE, "duo:rio", None), (Rule.STATUS, "duo:rio", "18DS")},
    ),
    (
        "update deliveries set type = 'withdrawn' where sequence = 1 and status = 'waiting'",
        {(Rule.PLANNED_TWICE, LAS, "18DS")},
    ),
    (
        "update deliveries set id = gen_random_uuid() where status = 'delivered'",
        {(Rule.PLANNED_TWICE, "duo:rio", "18DS")},
    ),
    (
        "update deliveries set event_number = 1 where sequence = 2 and status = 'delivered'",
        {(Rule.PLANNED_TWICE, "duo:rio", "18DS"), (Rule.UNPLANNED, "duo:rio", "18DS")},
    ),
    ("update lanes set sent = 1 where head = 2", {(Rule.STATUS, "duo:rio", "18DS")}),
    ("update lanes set owner = 999 where head = 2", {(Rule.STRANDED_LANE, "duo:rio", "18DS")}),
    ("update lanes set due = now() + interval '300 days' where head = 0", {(Rule.STRANDED_LANE, LAS, "18DS")}),
    (
        """update destinations set circuit = 'open', circuit_since = now(), circuit_cause = 'unreachable'
            where name = 'duo:rio'""",
        {(Rule.STRANDED_LANE, "duo:rio", None)},
    ),
    ("delete from tallies where status = 'waiting'", {(Rule.BALANCE, LAS, None)}),
    ("update events set units = '[]' where number = 1", {(Rule.PLANNED_TWICE, LAS, "18DS")}),
    ("update events set id = gen_random_uuid() where number = 1", {(Rule.PLANNED_TWICE, LAS, "18DS")}),
    (
        "delete from events where number = 1",
        {(Rule.SEQUENCE, None, "18DS"), (Rule.PLANNED_TWICE, LAS, "18DS")},
    ),
    (
        "update mandates set supplier_oin = '00000099000000002000', system_code = '00000099000000002000'",
        {(Rule.PLANNED_TWICE, LAS, "18DS"), (Rule.UNPLANNED, "las:00000099000000002000", "18DS")},
    ),
]


@pytest.mark.parametrize(("change", "expected"), WRONGS, ids=[change[:60] for change, _ in WRONGS])
async def test_whatever_is_wrong_is_found(
    ledger: Connection, change: str, expected: set[tuple[Rule, str | None, str | None]]
) -> None:
    """Each manual change breaks the rules that cover it and no other, with advice."""
    await ledger.execute(change)
    assert await broken(ledger) == expected
    assert all("; " in violation.detail for violation in (await check_ledger(ledger, now())).violations)


async def test_a_status_that_its_newest_report_did_not_lead_to_is_found(ledger: Connection) -> None:
    """A status that contradicts the newest stored report is found, and so is a report without a delivery."""
    target = await ledger.fetchrow("select id, destination, sequence from deliveries where status = 'delivered'")
    assert target is not None
    await report(ledger, str(target["id"]), "rejected", "no")
    assert await broken(ledger) == set()
    await ledger.execute("update deliveries set status = 'processed' where status = 'rejected'")
    assert (Rule.STATUS, "duo:rio", "18DS") in await broken(ledger)
    await ledger.execute(
        "update deliveries set status = 'rejected' where sequence = $1 and id = $2", target["sequence"], target["id"]
    )
    await ledger.execute("update reports set sequence = 9")
    assert await broken(ledger) == {(Rule.STATUS, "duo:rio", "18DS")}


@pytest.mark.parametrize("change", ["event_number = 2", "branch = '18DS02'", "id = gen_random_uuid()"])
async def test_what_a_subscription_led_to_is_held_to_its_event(ledger: Connection, change: str) -> None:
    """A delivery of the current state must name its event; a foreign number or id is found."""
    await subscribed(ledger)
    assert await broken(ledger) == set()
    await ledger.execute(f"update deliveries set {change} where cause is not null")  # noqa: S608 - written here
    assert (Rule.PLANNED_TWICE, LAS, "18DS") in await broken(ledger)


async def test_a_status_that_no_check_guards_is_found_by_its_shape(ledger: Connection) -> None:
    """An impossible status is found also without the CHECK constraints."""
    await ledger.execute("alter table deliveries drop constraint processed_was_reported")
    await ledger.execute("update deliveries set processed_at = null where status = 'processed'")
    violations = (await check_ledger(ledger, now())).violations
    found = await ledger.fetchval("select id from deliveries where status = 'processed'")
    assert [(v.rule, v.delivery_id) for v in violations] == [(Rule.STATUS, found)]


async def test_a_lane_of_a_living_owner_is_not_stranded(ledger: Connection) -> None:
    """A leased lane is stranded only after its owner has had no heartbeat for ten seconds."""
    owner = await ledger.fetchval("insert into processes (role, host, pid) values ('forward', 'h', 1) returning id")
    await ledger.execute("update lanes set due = null, owner = $1 where head = 0", owner)
    assert await broken(ledger) == set()
    await ledger.execute("update processes set heartbeat_at = now() - interval '11 seconds'")
    assert await broken(ledger) == {(Rule.STRANDED_LANE, LAS, "18DS")}


async def test_what_a_person_holds_waits_for_nobody(ledger: Connection) -> None:
    """A held lane without a due time is not stranded."""
    await ledger.execute("update lanes set due = null, held = true where head = 0")
    assert await broken(ledger) == set()


async def test_traffic_raises_no_alarm(ledger: Connection, database: str) -> None:
    """The check holds in every snapshot while schools are planned and messages delivered."""
    done = asyncio.Event()

    async def look() -> list[Violation]:
        found: list[Violation] = []
        other: Any = await asyncpg.connect(database)
        while not done.is_set():
            found += (await check_ledger(other, now())).violations
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
               insert into event_outbox (brin, number) select brin, number from e"""
        )
        await c.execute(
            "update schools s set counter = (select coalesce(max(number), 0) from events e where e.brin = s.brin)"
        )
