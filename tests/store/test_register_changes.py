"""Changes of mandates on a real database: events, dates, and effects on other mandates."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
import pytest

from hub import register
from hub.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from hub.register import DateChange, exactly
from schemas.identifiers import Branch, Brin
from tests.support.register.schools import BuiltSchool, add_schools
from tests.support.register.small_register import B0, B1, B2, B3, BRIN, OTHER, R1, R2, R3, at, fill, grant, log, request

if TYPE_CHECKING:
    from hub.store.pool import Connection


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """A register of a few schools and two systems."""
    await fill(connection)
    return connection


async def test_an_amendment_reaches_whoever_was_told(c: Connection) -> None:
    """A new end date is an event to every unit that was announced; unchanged dates are none."""
    mandate = await grant(c, request(branches=((B0, R1),)))
    async with c.transaction():
        after = (
            await register.amend(c, mandate.id, DateChange(end_date=date(2027, 7, 31)), at(), expected=exactly(1))
        ).mandate
    assert (after.version, after.next_date) == (2, date(2027, 8, 1))
    async with c.transaction():
        again = await register.amend(c, mandate.id, DateChange(end_date=date(2027, 7, 31)), at())
    assert again.mandate == after
    assert (await log(c))[1:] == [(2, "amended", [(B0, "amended"), ("", "amended")])]
    assert orjson.loads(await c.fetchval("select body from events where number = 2"))["changes"] == ["endDate"]


async def test_a_stale_version_changes_nothing(c: Connection) -> None:
    """A change of an older version is refused."""
    mandate = await grant(c, request())
    with pytest.raises(PreconditionFailed):
        await register.amend(c, mandate.id, DateChange(end_date=date(2027, 7, 31)), at(), expected=exactly(7))
    assert len(await log(c)) == 1


async def test_a_start_date_moves_only_while_it_lies_ahead(c: Connection) -> None:
    """The start date cannot change once it has come."""
    ahead = await grant(c, request(start=date(2027, 8, 1)))
    after = (await register.amend(c, ahead.id, DateChange(start_date=date(2027, 9, 1)), at())).mandate
    assert (after.start_date, after.next_date) == (date(2027, 9, 1), date(2027, 9, 1))
    with pytest.raises(InvalidInput) as refused:
        await register.amend(c, ahead.id, DateChange(start_date=date(2027, 10, 1)), at(date(2027, 9, 1)))
    assert [(e.field, e.code) for e in refused.value.errors] == [("/startDate", "immutable")]
    with pytest.raises(InvalidInput) as refused:
        await register.amend(c, ahead.id, DateChange(start_date=date(2026, 1, 1), end_date=date(2026, 2, 1)), at())
    assert [(e.field, e.code) for e in refused.value.errors] == [
        ("/startDate", "in_the_past"),
        ("/endDate", "in_the_past"),
    ]


async def test_a_withdrawal_ends_it_once_and_frees_the_others(c: Connection) -> None:
    """A withdrawal ends each announced unit once, and grants a rest that waited for it in the same transaction."""
    first = await grant(c, request(branches=((B0, R1),)))
    await grant(c, request(OTHER))
    async with c.transaction():
        gone = (await register.withdraw(c, first.id, at())).mandate
    assert gone.withdrawn_at == at().now
    assert await log(c) == [
        (1, "granted", [(B0, "granted"), ("", "granted")]),
        (2, "granted", []),
        (3, "withdrawn", [(B0, "withdrawn"), ("", "withdrawn")]),
        (4, "amended", [("", "granted")]),
    ]
    with pytest.raises(Conflict) as refused:
        await register.withdraw(c, first.id, at())
    assert refused.value.reason == "ended"
    with pytest.raises(NotFound):
        await register.withdraw(c, UUID(int=1), at())


async def test_routing_makes_a_unit_and_unmaking_it_ends_it(c: Connection) -> None:
    """Routing makes a branch a unit; removing it returns the branch to the rest."""
    mandate = await grant(c, request())
    after = (await register.assign_routing(c, mandate.id, B2, None, at())).mandate
    assert after.routes == {B2: R1}
    assert (await register.assign_routing(c, mandate.id, B2, None, at())).mandate == after
    assert (await register.assign_routing(c, mandate.id, B2, R3, at())).mandate.routes == {B2: R3}
    assert (await register.remove_routing(c, mandate.id, B2, at())).mandate.routes == {}
    with pytest.raises(NotFound):
        await register.remove_routing(c, mandate.id, B2, at())
    assert await log(c) == [
        (1, "granted", [("", "granted")]),
        (2, "amended", [(B2, "granted"), ("", "amended")]),
        (3, "amended", [(B2, "amended"), ("", "amended")]),
        (4, "amended", [(B2, "withdrawn"), ("", "amended")]),
    ]
    assert await c.fetchval("select count(*) from routes") == 0


async def test_routing_of_one_mandate_shrinks_the_rest_of_another(c: Connection) -> None:
    """Routing in one mandate raises an event of the mandate whose rest shrinks."""
    await grant(c, request())
    other = await grant(c, request(OTHER))
    await register.assign_routing(c, other.id, B3, R1, at())
    assert (await log(c))[2:] == [(3, "amended", [(B3, "granted")]), (4, "amended", [("", "amended")])]


async def test_a_routing_characteristic_is_unique_per_day(c: Connection) -> None:
    """A routing characteristic is unique per day; a following mandate may take it over."""
    first = await grant(c, request(branches=((B0, R1),), end=date(2027, 7, 31)))
    later = await grant(c, request(OTHER, start=date(2027, 8, 1), branches=((B2, R1), (B3, R3))))
    assert later.routes == {B2: R1, B3: R3}
    for changed, patch in (
        (first.id, DateChange(end_date=date(2027, 8, 1))),
        (first.id, DateChange(end_date=None)),
        (later.id, DateChange(start_date=date(2027, 7, 31))),
    ):
        with pytest.raises(Conflict) as refused:
            await register.amend(c, changed, patch, at())
        assert (refused.value.reason, str(first.id if changed == later.id else later.id) in str(refused.value)) == (
            "taken",
            True,
        )
    with pytest.raises(Conflict) as refused:
        await register.assign_routing(c, later.id, B0, R1, at())
    assert refused.value.reason == "taken"
    assert (await register.assign_routing(c, first.id, B1, R3, at())).mandate.routes == {B0: R1, B1: R3}
    assert await register.available_routing(c, BRIN, date(2026, 11, 23)) == R2
    await register.amend(c, first.id, DateChange(end_date=date(2027, 7, 30)), at())
    await register.amend(c, later.id, DateChange(start_date=date(2027, 7, 31)), at())


async def test_the_calendar_tells_each_date_once(c: Connection) -> None:
    """The calendar raises each start and end once, and grants what waited for it."""
    await grant(c, request(end=date(2027, 7, 31)))
    await grant(c, request(OTHER, start=date(2027, 8, 1)))
    assert await register.due(c, date(2027, 7, 31), 10) == []
    assert await register.due(c, date(2027, 8, 1), 10) == [BRIN]
    assert await register.arrive(c, [BRIN], at(date(2027, 8, 1))) == 2
    assert await register.arrive(c, [BRIN], at(date(2027, 8, 1))) == 0
    assert (await log(c))[2:] == [(3, "expired", [("", "expired")]), (4, "started", [("", "started")])]
    assert await register.due(c, date(2027, 8, 1), 10) == []


async def test_a_change_lets_the_dates_before_it_arrive_first(c: Connection) -> None:
    """A change first raises the events of dates that have come."""
    ended = await grant(c, request(end=date(2026, 11, 30)))
    await grant(c, request(start=date(2026, 12, 1)), at(date(2026, 12, 1)))
    assert [(n, kind) for n, kind, _ in await log(c)] == [(1, "granted"), (2, "expired"), (3, "granted")]
    with pytest.raises(Conflict):
        await register.withdraw(c, ended.id, at(date(2026, 12, 1)))


async def test_days_that_passed_unseen_are_told_in_order(c: Connection) -> None:
    """Dates that passed while nothing ran are raised in order."""
    mandate = await grant(c, request(start=date(2026, 12, 1), end=date(2026, 12, 31)))
    await register.arrive(c, [BRIN], at(date(2027, 3, 1)))
    assert [(n, kind) for n, kind, _ in await log(c)] == [(1, "granted"), (2, "started"), (3, "expired")]
    assert await c.fetchval("select version from mandates where id = $1", mandate.id) == 3


async def test_numbers_with_gaps_and_without_a_main_branch_are_normal(c: Connection) -> None:
    """Branch numbers may have gaps and lack 00: a second system takes a branch over and leaves it."""
    branches = {"02": "x", "05": "y", "11": "z"}
    await add_schools(c, BuiltSchool(brin="01NJ", name="Zonder hoofdvestiging", sector="vo", branches=branches))
    brin, two, five = Brin("01NJ"), Branch("01NJ02"), Branch("01NJ05")
    first = await grant(c, request(brin=brin))
    second = await grant(c, request(OTHER, brin=brin))
    await register.assign_routing(c, second.id, five, None, at())
    await register.remove_routing(c, second.id, five, at())
    await register.assign_routing(c, first.id, five, None, at())
    await register.withdraw(c, second.id, at())
    assert first.units[0].covers == (two, five, Branch("01NJ11"))
    assert await log(c, brin) == [
        (1, "granted", [("", "granted")]),
        (2, "granted", []),
        (3, "amended", [(five, "granted")]),
        (4, "amended", [("", "amended")]),
        (5, "amended", [(five, "withdrawn")]),
        (6, "amended", [("", "amended")]),
        (7, "amended", [(five, "granted"), ("", "amended")]),
        (8, "amended", []),
        (9, "withdrawn", []),
    ]
