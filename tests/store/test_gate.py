"""Holds: a destination that is held as a whole with released schools, or released with held schools."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from hub import plan, register
from hub.access import Actor
from hub.observe.books import check_ledger
from hub.observe.lag import LagReader
from hub.operations import controls
from hub.store import observe, operations
from tests.support.lanes.ledger_states import plan_all as plan_everybody
from tests.support.lanes.ledger_states import take
from tests.support.operators import operator
from tests.support.register.schools import BuiltSchool, add_schools
from tests.support.register.subscriptions import BRINS, NOW, at, grant, lane, make_register, plan_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.observe.lag import DestinationLag
    from hub.store.observe import LaneSums
    from hub.store.pool import Connection

FIRST, SECOND = BRINS
LATER = "00CC"
RIO = "duo:rio"


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """A register of two schools with a planned mandate for RIO each."""
    await make_register(connection)
    for brin in BRINS:
        await grant(connection, brin, service="RIO")
    await plan_all(connection)
    return connection


async def hold(c: Connection, brins: Sequence[str] | None = None) -> None:
    """Hold as an operator does."""
    async with c.transaction():
        await controls.hold(c, RIO, brins, Actor(caller=operator("me"), at=NOW, reason="x"))


async def release(c: Connection, brins: Sequence[str] | None = None) -> None:
    """Release as an operator does."""
    async with c.transaction():
        await controls.release(c, RIO, brins, Actor(caller=operator("me"), at=NOW, reason="x"))


async def new_school(c: Connection) -> None:
    """Insert a school with a mandate, and plan it."""
    await add_schools(c, BuiltSchool(brin="00CC"))
    await grant(c, LATER, service="RIO")  # type: ignore[arg-type]
    await plan_everybody(c)


async def statuses(c: Connection) -> dict[str, str]:
    """Return the status of each school's only message for RIO."""
    rows = await c.fetch(
        """select d.brin, d.status::text as status from deliveries d
             join destinations p on p.id = d.destination and p.name = $1 order by d.brin, d.sequence""",
        RIO,
    )
    return {row["brin"]: row["status"] for row in rows}


async def standing(c: Connection) -> tuple[DestinationLag, LaneSums]:
    """Return the state of the destination."""
    lag = await LagReader().read(c, NOW)
    destination = next(destination for destination in await observe.read_destinations(c) if destination.name == RIO)
    return next(each for each in lag.destinations if each.destination.name == RIO), (await observe.lane_sums(c))[
        destination.id
    ]


async def test_one_school_goes_first_then_the_rest(c: Connection) -> None:
    """With all held, a released school is sent to first; then releasing all sends the rest, each once and in order."""
    await hold(c)
    assert await take(c, RIO) == 0
    await release(c, [SECOND])
    assert await take(c, RIO) == 1
    assert await statuses(c) == {"00AA": "waiting", "18DS": "delivered"}
    lag, sums = await standing(c)
    assert (lag.destination.state, sums.held_brins, sums.released_brins) == ("held", (), ("18DS",))
    assert (lag.standing.held, lag.standing.waiting, lag.standing.oldest_undelivered) == (1, 0, None)
    await release(c)
    assert await take(c, RIO) == 1
    assert set((await statuses(c)).values()) == {"delivered"}
    assert (await check_ledger(c, NOW)).violations == []


async def test_what_is_new_of_a_released_school_goes_and_of_the_others_waits(c: Connection) -> None:
    """New messages follow the hold of their school."""
    await hold(c)
    await release(c, [SECOND])
    await take(c, RIO)
    for row in await c.fetch("select id from mandates"):
        async with c.transaction():
            await register.withdraw(c, row["id"], at())
    await plan_all(c)
    assert await take(c, RIO) == 1
    assert [status for *_, status in await lane(c, RIO, SECOND)] == ["delivered", "delivered"]
    assert [status for *_, status in await lane(c, RIO, FIRST)] == ["waiting", "waiting"]


async def test_schools_that_come_later_are_held_with_the_others(c: Connection) -> None:
    """New schools are held while their destination is, and released with it."""
    await hold(c)
    await release(c, [SECOND])
    await new_school(c)
    assert await take(c, RIO) == 1
    assert await statuses(c) == {"00AA": "waiting", "00CC": "waiting", "18DS": "delivered"}
    await release(c)
    assert await take(c, RIO) == 2


async def test_a_school_may_be_released_before_there_is_anything_for_it(c: Connection) -> None:
    """A school released before its first message gets that message."""
    await hold(c)
    await add_schools(c, BuiltSchool(brin="00DD"))
    await release(c, ["00DD"])
    await grant(c, "00DD", service="RIO")  # type: ignore[arg-type]
    await plan_everybody(c)
    assert await take(c, RIO) == 1
    assert (await statuses(c))["00DD"] == "delivered"


async def test_the_reverse_chosen_schools_wait_while_all_others_go(c: Connection) -> None:
    """A school that is held by itself waits while others go, also after the destination is held and released."""
    await hold(c, [SECOND])
    assert await take(c, RIO) == 1
    lag, sums = await standing(c)
    assert (lag.destination.state, sums.held_brins, sums.released_brins) == ("open", ("18DS",), ())
    await hold(c)
    await release(c, [FIRST])
    assert await take(c, RIO) == 0
    await release(c)
    assert await take(c, RIO) == 0, "the hold of the school was not the hold of all"
    assert (await standing(c))[1].held_brins == (SECOND,)
    await release(c, [SECOND])
    assert await take(c, RIO) == 1
    assert set((await statuses(c)).values()) == {"delivered"}


async def test_a_hold_says_who_why_and_since_when(c: Connection) -> None:
    """Of the whole and of a school; a hold that lasts keeps its beginning, and a release ends it."""
    destination = await operations.find_destination(c, RIO)
    assert destination is not None
    await hold(c)
    await hold(c, [SECOND])
    whole, school = await operations.list_holds(c, destination, 10)
    assert (whole.brin, whole.actor_name, whole.reason) == ("", "me", "x")
    assert (school.brin, school.reason) == (SECOND, "x")
    await hold(c)
    assert (await operations.list_holds(c, destination, 10))[0].since == whole.since
    await release(c)
    assert [each.brin for each in await operations.list_holds(c, destination, 10)] == [SECOND]
    await release(c, [SECOND])
    assert await operations.list_holds(c, destination, 10) == []


async def test_a_hold_that_another_version_released_does_not_come_back(c: Connection) -> None:
    """A school that was released without its note stays released after a hold and a release of all."""
    await hold(c, [SECOND])
    await c.execute("update lanes set held = false where brin = $1", SECOND)
    await hold(c)
    await release(c)
    assert (await standing(c))[1].held_brins == ()


async def test_holding_again_closes_what_was_released(c: Connection) -> None:
    """Holding a destination again ends all exceptions."""
    await hold(c)
    await release(c, [SECOND])
    await hold(c)
    assert await take(c, RIO) == 0
    assert (await standing(c))[1].released_brins == ()


@pytest.mark.parametrize("button", ["hold", "release"])
async def test_a_lane_that_is_being_made_is_what_its_destination_is(c: Connection, database: str, button: str) -> None:
    """A hold waits for a planner that creates a lane, and then holds that lane."""
    if button == "release":
        await hold(c)
    await add_schools(c, BuiltSchool(brin="00CC"))
    await grant(c, LATER, service="RIO")  # type: ignore[arg-type]
    planner, presser = await asyncpg.connect(database), await asyncpg.connect(database)
    turn = planner.transaction()
    await turn.start()
    await plan.plan(planner, {LATER: None}, NOW, 0)
    pressing = asyncio.create_task((hold if button == "hold" else release)(presser))
    while not await c.fetchval(
        "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    ):
        await asyncio.sleep(0.01)
    await turn.commit()
    await pressing
    await planner.close()
    await presser.close()
    row = await c.fetchrow("select held, due is not null as due from lanes where brin = $1", LATER)
    assert row is not None
    assert tuple(row) == ((True, False) if button == "hold" else (False, True))
