"""The current state of units, appended to their lanes, on a real database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest

from hub import plan, register
from hub.domain.keys import LaneKey
from hub.observe.books import check_ledger
from hub.operations.restate import RestateResult, SkipReason, restate
from schemas.identifiers import Branch
from tests.support.lanes.ledger_states import take
from tests.support.register.subscriptions import (
    BRINS,
    LAS,
    NOW,
    at,
    destination_id,
    grant,
    lane,
    make_register,
    plan_all,
    subscribed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.domain.mandate import Mandate
    from hub.operations.restate import UnitKey
    from hub.store.pool import Connection

CAUSE, OTHER_CAUSE = UUID(int=0xCA05E), UUID(int=0xCA06E)


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """A register."""
    await make_register(connection)
    return connection


async def again(
    c: Connection, *units: UnitKey, cause: UUID = CAUSE, lost_from: Mapping[LaneKey, int] | None = None
) -> RestateResult:
    """Restate units in a transaction of its own."""
    async with c.transaction():
        return await restate(c, units, cause=cause, now=NOW, process=0, lost_from=lost_from or {})


async def amended(c: Connection, mandate: Mandate) -> None:
    """Amend a mandate and plan it."""
    async with c.transaction():
        await register.amend(c, mandate.id, register.DateChange(end_date=at().today.replace(year=2027)), at())
    await plan_all(c)


async def withdrawn(c: Connection, mandate: Mandate) -> None:
    """Withdraw a mandate and plan it."""
    async with c.transaction():
        await register.withdraw(c, mandate.id, at())
    await plan_all(c)


async def assert_right(c: Connection) -> None:
    """Run the ledger check."""
    assert (await check_ledger(c, NOW)).violations == []


async def test_the_state_is_told_once_at_the_end_of_the_lane(c: Connection) -> None:
    """The current state is one delivery at the end of a due lane, with the newest event."""
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    await amended(c, mandate)
    await take(c, "duo:rio")
    rio = await destination_id(c, "duo:rio")
    result = await again(c, (rio, "18DS", mandate.id, ""))
    assert [p.event_number for p in result.appended] == [2]
    assert await lane(c, "duo:rio") == [
        (1, "", "granted", "delivered"),
        (2, "", "amended", "delivered"),
        (3, "", "amended", "waiting"),
    ]
    rows = await c.fetch("select id, cause, replay_of from deliveries order by sequence")
    assert (rows[2]["cause"], rows[2]["replay_of"]) == (CAUSE, rows[1]["id"])
    assert await c.fetchval("select due <= clock_timestamp() from lanes")
    await assert_right(c)


async def test_after_an_end_only_the_end_is_told(c: Connection) -> None:
    """After an end only the end is restated."""
    mandate = await grant(c, service="RIO", routed=["18DS01"])
    await plan_all(c)
    await take(c, "duo:rio")
    await withdrawn(c, mandate)
    await take(c, "duo:rio")
    rio = await destination_id(c, "duo:rio")
    await again(c, *((rio, "18DS", mandate.id, branch) for branch in ("", "18DS01")))
    assert [(branch, kind) for _, branch, kind, status in await lane(c, "duo:rio") if status == "waiting"] == [
        ("", "withdrawn"), ("18DS01", "withdrawn")
    ]  # fmt: skip
    await assert_right(c)


async def test_to_whom_a_unit_is_news_it_is_granted(c: Connection) -> None:
    """A unit that was never delivered is restated as `granted`, whatever its newest event."""
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    await c.execute(
        "update deliveries set status = 'dead', reason = 'refused', attempts = 3, failed_since = now();"
        "update lanes set head = 1, sent = 1, due = null; update tallies set status = 'dead'"
    )
    await amended(c, mandate)
    await c.execute(
        "update deliveries set status = 'cancelled', reason = 'x' where sequence = 2;"
        "update lanes set head = 2, due = null; update tallies set status = 'cancelled' where status = 'waiting'"
    )
    await again(c, (await destination_id(c, "duo:rio"), "18DS", mandate.id, ""))
    assert (await lane(c, "duo:rio"))[2:] == [(3, "", "granted", "waiting")]
    await assert_right(c)


async def test_what_a_broker_lost_was_not_told(c: Connection) -> None:
    """Deliveries from the first lost sequence on count as not delivered."""
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    await take(c, "duo:rio")
    await amended(c, mandate)
    await take(c, "duo:rio")
    rio = await destination_id(c, "duo:rio")
    unit = (rio, "18DS", mandate.id, "")
    await again(c, unit, lost_from={LaneKey(rio, "18DS"): 2})
    await take(c, "duo:rio")
    await again(c, unit, lost_from={LaneKey(rio, "18DS"): 1}, cause=OTHER_CAUSE)
    assert [kind for _, _, kind, _ in await lane(c, "duo:rio")] == ["granted", "amended", "amended", "granted"]


async def test_what_waits_already_is_not_doubled(c: Connection) -> None:
    """A waiting delivery of the newest event is not repeated; one of an older event is."""
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    unit = (await destination_id(c, "duo:rio"), "18DS", mandate.id, "")
    assert (await again(c, unit)).skipped == {unit: SkipReason.COVERED}
    await amended(c, mandate)
    await c.execute("delete from deliveries where sequence = 2; update lanes set tail = 1; update tallies set n = 1")
    assert len((await again(c, unit)).appended) == 1
    assert await lane(c, "duo:rio") == [(1, "", "granted", "waiting"), (2, "", "granted", "waiting")]


async def test_the_same_cause_appends_nothing_twice(c: Connection) -> None:
    """One cause appends once, also concurrently and after changes; another cause appends again."""
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    await take(c, "duo:rio")
    unit = (await destination_id(c, "duo:rio"), "18DS", mandate.id, "")
    assert len((await again(c, unit, unit)).appended) == 1
    assert (await again(c, unit)).skipped == {unit: SkipReason.REPEATED}
    await take(c, "duo:rio")
    await amended(c, mandate)
    await take(c, "duo:rio")
    assert (await again(c, unit)).skipped == {unit: SkipReason.REPEATED}
    assert len((await again(c, unit, cause=OTHER_CAUSE)).appended) == 1
    await assert_right(c)


async def test_two_that_ask_at_once_append_once(c: Connection, database: str) -> None:
    """Of two concurrent restates the second waits and appends nothing."""
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    await take(c, "duo:rio")
    unit = (await destination_id(c, "duo:rio"), "18DS", mandate.id, "")
    others = [await asyncpg.connect(database) for _ in range(3)]
    results = await asyncio.gather(*(again(other, unit) for other in others))
    for other in others:
        await other.close()
    assert sorted(len(result.appended) for result in results) == [0, 0, 1]
    assert len(await lane(c, "duo:rio")) == 2


async def test_what_is_not_planned_yet_comes_after_in_order(c: Connection) -> None:
    """The current state is that of planned events; later events follow it in order."""
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    await take(c, "duo:rio")
    async with c.transaction():
        await register.withdraw(c, mandate.id, at())
    await again(c, (await destination_id(c, "duo:rio"), "18DS", mandate.id, ""))
    await plan_all(c)
    assert [kind for _, _, kind, _ in await lane(c, "duo:rio")] == ["granted", "granted", "withdrawn"]
    await assert_right(c)


async def test_a_planner_at_work_is_waited_for(c: Connection, database: str) -> None:
    """A restate waits for a planner at work and includes what it plans."""
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    await take(c, "duo:rio")
    async with c.transaction():
        await register.withdraw(c, mandate.id, at())
    rio = await destination_id(c, "duo:rio")
    planner, offset_client = await asyncpg.connect(database), await asyncpg.connect(database)
    turn = planner.transaction()
    await turn.start()
    await plan.plan(planner, dict.fromkeys(BRINS), NOW, 0)
    asking = asyncio.create_task(again(offset_client, (rio, "18DS", mandate.id, "")))
    while not await c.fetchval(
        "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    ):
        await asyncio.sleep(0.01)
    await turn.commit()
    assert list((await asking).appended) == []
    await planner.close()
    await offset_client.close()
    assert [kind for _, _, kind, _ in await lane(c, "duo:rio")] == ["granted", "withdrawn"]


async def test_a_unit_that_nobody_spoke_of_is_silent(c: Connection) -> None:
    """A branch that was never a unit, or a missing lane, gets nothing."""
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    unit = (await destination_id(c, "duo:rio"), "18DS", mandate.id, "18DS02")
    assert (await again(c, unit)).skipped == {unit: SkipReason.SILENT}
    assert (await again(c)).appended == ()


async def test_units_of_several_lanes_keep_the_order_of_their_events(c: Connection) -> None:
    """Units of several lanes are appended in the order of their events."""
    first = await grant(c, BRINS[0], service="RIO")
    second = await grant(c, service="RIO", routed=["18DS00", "18DS01"])
    async with c.transaction():
        await register.remove_routing(c, second.id, Branch("18DS00"), at())
    await plan_all(c)
    await take(c, "duo:rio")
    rio = await destination_id(c, "duo:rio")
    units: list[UnitKey] = [(rio, "18DS", second.id, branch) for branch in ("18DS00", "", "18DS01")]
    result = await again(c, *units, (rio, "00AA", first.id, ""))
    assert next((p.brin, p.branch) for p in result.appended) == ("00AA", "")
    assert await lane(c, "duo:rio", BRINS[0]) == [(1, "", "granted", "delivered"), (2, "", "granted", "waiting")]
    waiting = [(branch, kind) for _, branch, kind, status in await lane(c, "duo:rio") if status == "waiting"]
    assert sorted(waiting) == [("", "amended"), ("18DS00", "withdrawn"), ("18DS01", "amended")]
    numbers = [p.event_number for p in result.appended if p.brin == "18DS"]
    assert numbers == sorted(numbers)
    await assert_right(c)


async def test_copies_of_a_deleted_subscription_are_silent(c: Connection) -> None:
    """Copies of a deleted subscription are not restated."""
    made, _ = await subscribed(c, services=("VVA", "RIO"))
    mandate = await grant(c, service="RIO")
    await plan_all(c)
    await take(c, f"las-copy:{LAS}")
    unit = (await destination_id(c, f"las-copy:{LAS}"), "18DS", mandate.id, "")
    assert [p.expects_report for p in (await again(c, unit)).appended] == [False]
    await c.execute("update subscriptions set status = 'deleted' where id = $1", made.id)
    assert (await again(c, unit, cause=OTHER_CAUSE)).skipped == {unit: SkipReason.SILENT}
