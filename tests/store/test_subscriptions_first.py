"""The first subscription: its backlog is cancelled and the current state appended, in one transaction."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import orjson
import pytest

from hub import plan, register, subscribe
from hub.domain.ids import delivery_id
from hub.errors import Conflict, InvalidInput
from hub.store import lane_results, lanes, processes
from schemas.identifiers import Branch
from tests.support.register.subscriptions import (
    BRINS,
    LAS,
    NOW,
    OTHER,
    assert_books_right,
    at,
    grant,
    lane,
    make_register,
    plan_all,
    removed,
    subscribed,
    subscription_request,
)

if TYPE_CHECKING:
    from hub.store.pool import Connection

WEBHOOK, COPIES = f"las:{LAS}", f"las-copy:{LAS}"


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """A register."""
    await make_register(connection)
    return connection


async def test_what_waited_is_cancelled_and_the_current_state_comes(c: Connection) -> None:
    """A waiting grant and its amendment are cancelled and replaced by one `granted` in a due lane."""
    mandate = await grant(c)
    await plan_all(c)
    async with c.transaction():
        await register.amend(c, mandate.id, register.DateChange(end_date=at().today.replace(year=2027)), at())
    await plan_all(c)
    made, _ = await subscribed(c)
    assert await lane(c, WEBHOOK) == [
        (1, "", "granted", "cancelled"),
        (2, "", "amended", "cancelled"),
        (3, "", "granted", "waiting"),
    ]
    row = await c.fetchrow("select head, tail, sent, due is not null as due, owner from lanes")
    assert row is not None
    assert tuple(row) == (2, 3, 0, True, None)
    newest = await c.fetchrow("select number, id from events order by number desc limit 1")
    sent = await c.fetchrow("select * from deliveries where sequence = 3")
    assert newest is not None
    assert sent is not None
    assert (sent["event_number"], sent["cause"], sent["expects_report"]) == (newest["number"], made.id, True)
    assert sent["id"] == delivery_id(newest["id"], WEBHOOK, "", made.id)
    assert await c.fetchval("select array_agg(distinct reason) from deliveries where sequence < 3") == ["no_receiver"]
    await assert_books_right(c)


async def test_what_was_cancelled_is_published(c: Connection) -> None:
    """The cancellations are published as status changes."""
    await grant(c)
    await plan_all(c)
    await subscribed(c)
    items = [item for row in await c.fetch("select items from change_outbox") for item in orjson.loads(row["items"])]
    assert [(item[1], item[2], item[3], item[4], item[6]) for item in items] == [
        ("18DS", 1, "waiting", "cancelled", "no_receiver")
    ]


async def test_each_living_unit_gets_one_grant(c: Connection) -> None:
    """Every unit in force of every school gets one `granted`."""
    await grant(c, BRINS[0])
    await grant(c, BRINS[1], routed=("18DS00", "18DS01"))
    await plan_all(c)
    await subscribed(c)
    assert (await lane(c, WEBHOOK, BRINS[0]))[1:] == [(2, "", "granted", "waiting")]
    assert (await lane(c, WEBHOOK))[3:] == [
        (4, "", "granted", "waiting"),
        (5, "18DS00", "granted", "waiting"),
        (6, "18DS01", "granted", "waiting"),
    ]
    await assert_books_right(c)


async def test_what_has_ended_is_not_told(c: Connection) -> None:
    """Ended mandates and units get nothing."""
    withdrawn = await grant(c, BRINS[0])
    routed = await grant(c, BRINS[1], routed=("18DS00",))
    async with c.transaction():
        await register.withdraw(c, withdrawn.id, at())
        await register.remove_routing(c, routed.id, Branch("18DS00"), at())
    await plan_all(c)
    await subscribed(c)
    assert {status for _, _, _, status in await lane(c, WEBHOOK, BRINS[0])} == {"cancelled"}
    waiting = [(branch, kind) for _, branch, kind, status in await lane(c, WEBHOOK) if status == "waiting"]
    assert waiting == [("", "granted")]
    assert await c.fetchval("select due from lanes where brin = '00AA'") is None
    await assert_books_right(c)


async def test_what_is_not_planned_yet_comes_after_in_order(c: Connection) -> None:
    """Events that are planned later follow the current state in order."""
    mandate = await grant(c)
    await plan_all(c)
    async with c.transaction():
        await register.withdraw(c, mandate.id, at())
    await subscribed(c)
    await plan_all(c)
    assert await lane(c, WEBHOOK) == [
        (1, "", "granted", "cancelled"),
        (2, "", "granted", "waiting"),
        (3, "", "withdrawn", "waiting"),
    ]
    await assert_books_right(c)


async def test_nothing_planned_means_nothing_appended(c: Connection) -> None:
    """Without planned events nothing is appended."""
    await grant(c)
    await subscribed(c)
    assert await lane(c, WEBHOOK) == []
    await plan_all(c)
    assert await lane(c, WEBHOOK) == [(1, "", "granted", "waiting")]
    assert await c.fetchval("select cause from deliveries") is None


async def test_reports_are_expected_as_the_subscription_says(c: Connection) -> None:
    """With `reports: false` the deliveries expect no report."""
    await grant(c)
    await plan_all(c)
    await subscribed(c, reports=False)
    assert await c.fetchval("select expects_report from deliveries where sequence = 2") is False
    await assert_books_right(c)


async def test_others_are_left_alone(c: Connection) -> None:
    """Other destinations keep their backlogs."""
    await grant(c, service="RIO")
    await grant(c, supplier=OTHER)
    await plan_all(c)
    before = [await lane(c, "duo:rio"), await lane(c, f"las:{OTHER}")]
    await subscribed(c)
    assert [await lane(c, "duo:rio"), await lane(c, f"las:{OTHER}")] == before
    assert [status for seen in before for *_, status in seen] == ["waiting", "waiting"]


async def test_a_held_lane_gets_the_grant_and_stays_held(c: Connection) -> None:
    """A held lane gets the current state and stays held."""
    await grant(c)
    await plan_all(c)
    await c.execute("update lanes set held = true, due = null")
    await subscribed(c)
    row = await c.fetchrow("select head, tail, due, held from lanes")
    assert row is not None
    assert tuple(row) == (1, 2, None, True)


async def test_the_next_subscription_goes_on_in_order(c: Connection) -> None:
    """A subscription after a deleted one cancels nothing: the backlog is sent in order."""
    await grant(c)
    first, _ = await subscribed(c)
    await removed(c, first.id)
    await plan_all(c)
    assert await lane(c, WEBHOOK) == [(1, "", "granted", "waiting")]
    await c.execute("update lanes set due = 'infinity'")
    second, _ = await subscribed(c)
    assert await lane(c, WEBHOOK) == [(1, "", "granted", "waiting")]
    assert await c.fetchval("select due <= clock_timestamp() from lanes")
    assert second.id != first.id


async def test_a_supplier_has_one_subscription_at_most(database: str, c: Connection) -> None:
    """Of ten concurrent requests of a supplier one succeeds."""

    async def ask() -> str:
        mine = await asyncpg.connect(database)
        try:
            await subscribed(mine)
        except Conflict as conflict:
            return conflict.reason
        finally:
            await mine.close()
        return "subscribed"

    answers = await asyncio.gather(*(ask() for _ in range(10)))
    assert sorted(answers) == ["already_subscribed"] * 9 + ["subscribed"]
    assert await c.fetchval("select count(*) from subscription_secrets") == 1


async def test_a_planner_at_work_is_waited_for(database: str, c: Connection) -> None:
    """The first subscription waits for a planner at work and cancels what it planned."""
    await grant(c)
    mandate = await grant(c, BRINS[0])
    await plan_all(c)
    async with c.transaction():
        await register.withdraw(c, mandate.id, at())
    planner, offset_client = await asyncpg.connect(database), await asyncpg.connect(database)
    turn = planner.transaction()
    await turn.start()
    await plan.plan(planner, dict.fromkeys(BRINS), NOW, 0)
    asking = asyncio.create_task(subscribed(offset_client))
    while not await c.fetchval(
        "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    ):
        await asyncio.sleep(0.01)
    await turn.commit()
    await asking
    await planner.close()
    await offset_client.close()
    assert {status for *_, status in await lane(c, WEBHOOK, BRINS[0])} == {"cancelled"}
    assert [status for *_, status in await lane(c, WEBHOOK)] == ["cancelled", "waiting"]
    await assert_books_right(c)


async def test_deleting_cancels_copies_and_leaves_what_must_be_heard(c: Connection) -> None:
    """Deleting a subscription cancels its copies, also in leased lanes, and leaves obligatory messages."""
    await subscribed(c, services=("RIO",))
    await grant(c, service="RIO")
    await grant(c, BRINS[0], service="RIO")
    await grant(c)
    await plan_all(c)
    copies = await c.fetchval("select id from destinations where name = $1", COPIES)
    owner = (await processes.enter(c, "forward")).process
    leases = list(await lanes.take(c, owner, {copies: 1}, 1))
    assert len(leases) == 1
    found = await c.fetchval("select id from subscriptions")
    await removed(c, found)
    assert [status for brin in BRINS for *_, status in await lane(c, COPIES, brin)] == ["cancelled"] * 2
    assert [status for *_, status in await lane(c, WEBHOOK)] == ["waiting"]
    assert [status for *_, status in await lane(c, "duo:rio")] == ["waiting"]
    lost = lanes.LaneUpdate(lease=leases[0], head=1, sent=1, closed=1, wait=0.0)
    assert await lane_results.complete(c, owner, [lost]) == set()
    assert await c.fetchval("select count(*) from lanes where destination = $1 and owner is not null", copies) == 0
    assert await c.fetchval("select count(*) from subscription_secrets") == 0
    await assert_books_right(c)


async def test_a_wish_with_faults_names_them_all(c: Connection) -> None:
    """A request with several faults gets all of them."""
    wanted = subscription_request(services=("VVA", "NONE", "NOR"), types=("nl.osr.mandate.*", "nl.other.*"))
    with pytest.raises(InvalidInput) as caught:
        await subscribe.check_request(c, subscribe.Subscriber(oin="00000099000000009000"), wanted)
    assert [(fault.field, fault.code) for fault in caught.value.errors] == [
        ("/supplierOin", "unknown_system"),
        ("/services/1", "unknown_service"),
        ("/services/2", "unknown_service"),
        ("/types/1", "unknown_type"),
    ]
    await subscribe.check_request(c, subscribe.Subscriber(oin=LAS), subscription_request())
