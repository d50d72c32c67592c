"""Routing of a branch as known at a moment: events answer as the register did at that moment."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hub import register
from hub.clock import AMSTERDAM
from hub.imports import import_schools
from hub.observe.routing import RoutingQuery, find_routing
from hub.register import GrantRequest, moment
from hub.store.mandates import MandateScope
from tests.support.register.histories import BRANCHES, BRIN, CLOSING, SUPPLIERS, VVA, History, open_school, school_file

if TYPE_CHECKING:
    from hub.store.pool import Connection
    from schemas.identifiers import Branch

    Answer = dict[str, set[tuple[str, str | None, str]]]

STEPS, AHEAD, EACH = 40, 6, 5
ALL = MandateScope(everything=True)


@dataclass(frozen=True)
class Snapshot:
    """The register after a step: its answers for that day and the following ones, and the new events."""

    at: datetime
    day: date
    outlook: dict[date, Answer]
    fresh: list[tuple[date, date | None, Answer]]


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """A register of one school with four branches and three systems."""
    await open_school(connection)
    return connection


def by_branch(row: Any) -> Answer:
    """Return how a mandate's own row reaches each branch."""
    found: Answer = {}
    for unit in orjson.loads(row["units"]):
        coverage = "branch" if unit["branch"] else "school" if unit["told"] else "needs_routing"
        found |= {branch: {(str(row["id"]), unit["routing"], coverage)} for branch in unit["covers"]}
    return found


def together(answers: list[Answer]) -> Answer:
    """Merge answers."""
    found: Answer = defaultdict(set)
    for answer in answers:
        for branch, ways in answer.items():
            found[branch] |= ways
    return found


async def look_ahead(c: Connection, day: date) -> Answer:
    """Run the calendar until a day, read the register, and roll back."""
    transaction = c.transaction()
    await transaction.start()
    noon = datetime(day.year, day.month, day.day, 23, 59, tzinfo=AMSTERDAM)
    await register.arrive(c, [BRIN], moment(noon))
    rows = await c.fetch(
        """select id, units::text as units from mandates
            where withdrawn_at is null and start_date <= $1 and (end_date is null or end_date >= $1)""",
        day,
    )
    await transaction.rollback()
    return together([by_branch(row) for row in rows])


async def live_through(c: Connection, seed: int) -> list[Snapshot]:
    """Play a history and read the register after each step."""
    history, known, seen = History(c, seed), list[Snapshot](), set[Any]()
    for _ in range(STEPS):
        await history.step()
        day = history.at.today
        rows = await c.fetch("select id, start_date, end_date, units::text as units from mandates")
        fresh = [(row["start_date"], row["end_date"], by_branch(row)) for row in rows if row["id"] not in seen]
        seen |= {row["id"] for row in rows}
        days = [day + timedelta(days=n) for n in range(AHEAD)]
        outlook = {each: await look_ahead(c, each) for each in days}
        known.append(Snapshot(at=history.at.now, day=day, outlook=outlook, fresh=fresh))
    return known


def expected(known: list[Snapshot], day: date) -> Answer:
    """Return the right answer for a day after the last of these snapshots."""
    until = [snapshot for snapshot in known if snapshot.day <= day]
    late = [
        answer
        for snapshot in known[len(until) :]
        for start, end, answer in snapshot.fresh
        if start <= day and (end is None or day <= end)
    ]
    return together([*([until[-1].outlook[day]] if until else []), *late])


async def answer(c: Connection, branch: Branch, day: date, known_at: datetime, scope: MandateScope = ALL) -> Any:
    """Ask."""
    found = await find_routing(c, RoutingQuery(branch=branch, service_code=VVA, day=day, known_at=known_at), scope)
    return {(each.body["mandateId"], each.routing, each.coverage) for each in found}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_the_events_know_what_the_register_knew(c: Connection, seed: int) -> None:
    """For past and future days, as known after any step, events give the register's answer."""
    known, dice, asked = await live_through(c, seed), Random(seed), 0  # noqa: S311 - repeatable
    for step in range(0, STEPS, 2):
        snapshots = known[: step + 1]
        first, last = known[0].day - timedelta(days=2), snapshots[-1].day + timedelta(days=AHEAD - 1)
        for _ in range(EACH):
            day = first + timedelta(days=dice.randrange((last - first).days + 1))
            truth = expected(snapshots, day)
            for branch in BRANCHES:
                assert await answer(c, branch, day, snapshots[-1].at) == truth.get(branch, set()), (step, day, branch)
                asked += bool(truth.get(branch))
    assert asked > STEPS / 2, "many questions have an answer, or nothing was tried"


async def test_a_system_sees_its_own_way_to_a_branch_only(c: Connection) -> None:
    """A supplier gets the answer for its own mandates only."""
    known = await live_through(c, 1)
    suppliers = {str(row["id"]): row["supplier_oin"] for row in await c.fetch("select id, supplier_oin from mandates")}
    for snapshot in known[::5]:
        for branch in BRANCHES:
            whole = await answer(c, branch, snapshot.day, snapshot.at)
            for oin in SUPPLIERS:
                own = {each for each in whole if suppliers[each[0]] == oin}
                assert await answer(c, branch, snapshot.day, snapshot.at, MandateScope(oins=[oin])) == own


async def test_a_branch_that_closed_is_nobodys_also_on_days_to_come(c: Connection) -> None:
    """A closed branch is reached by no mandate that starts later."""
    when = moment(datetime(2026, 11, 23, 9, tzinfo=UTC))
    for supplier, start in zip(SUPPLIERS, (when.today, date(2026, 12, 1), date(2026, 12, 1)), strict=True):
        wish = GrantRequest(brin=BRIN, service_code=VVA, supplier_oin=supplier, start_date=start)
        made = (await register.grant(c, wish, when)).mandate
        if start == when.today:
            await register.withdraw(c, made.id, when)
    last = BRANCHES[-1]
    await import_schools(c, school_file(BRANCHES[:-1]), when, options=CLOSING)
    later = moment(datetime(2026, 11, 24, 9, tzinfo=UTC))
    for branch, ways in ((last, 0), (BRANCHES[0], 2)):
        assert len(await answer(c, branch, date(2026, 12, 5), later.now)) == ways
