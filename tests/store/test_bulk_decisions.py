"""Approval and cancellation of bulk jobs, on a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import asyncpg
import pytest
from orjson import loads

from hub import register
from hub.domain.bulk import BulkKind, BulkState, RecentVolume
from hub.errors import Conflict, NotFound
from hub.operations import bulk
from hub.store import lanes, processes
from tests.support.lanes.ledger_states import fail, plan_all, take
from tests.support.register.bulk_jobs import (
    RIO,
    SCHOOLS,
    assert_right,
    by,
    finish,
    make_many,
    make_two,
    submit,
    turn,
    wanted,
)
from tests.support.register.subscriptions import NOW, at, lane

if TYPE_CHECKING:
    from hub.store.bulk import BulkJob
    from hub.store.pool import Connection

RUNNING: Final = BulkState.RUNNING
AWAITING: Final = BulkState.AWAITING_APPROVAL


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Two schools with a mandate for RIO each, all of it delivered."""
    await make_two(connection)
    return connection


@pytest.fixture
async def many(connection: asyncpg.Connection[Any]) -> Connection:
    """Sixty schools, each with three settled deliveries of one unit."""
    await make_many(connection)
    return connection


async def test_an_act_that_is_stopped_does_no_more(many: Connection) -> None:
    """A stopped job processes nothing more; what it appended stays."""
    act = await submit(many, wanted(destination=RIO, rate=50))
    await turn(many)
    async with many.transaction():
        stopped = await bulk.stop(many, act.id, by("bob"))
    assert (stopped.state, stopped.done, stopped.ended_at is not None) == (BulkState.CANCELLED, 10, True)
    assert await turn(many, NOW + timedelta(days=1)) is None
    with pytest.raises(Conflict, match="already"):
        async with many.transaction():
            await bulk.stop(many, act.id, by("bob"))
    assert await many.fetchval("select count(*) from bulk_items") == 0
    await assert_right(many)


@pytest.mark.parametrize("kind", BulkKind)
async def test_two_people_are_needed_above_the_threshold(many: Connection, kind: BulkKind) -> None:
    """A large job waits until another person approves it, once."""
    if kind is BulkKind.CANCELLATION:
        await finish(many, await submit(many, wanted(destination=RIO)))
    act = await submit(many, wanted(kind, destination=RIO), above=SCHOOLS - 1)
    assert act.state is BulkState.AWAITING_APPROVAL
    assert await turn(many, NOW + timedelta(hours=1)) is None
    with pytest.raises(Conflict, match="cannot approve it") as own:
        async with many.transaction():
            await bulk.approve(many, act.id, by("ann"))
    assert own.value.reason == "own_request"
    async with many.transaction():
        approved = await bulk.approve(many, act.id, by("bob"))
    assert (approved.state, approved.approved_by not in (None, act.asked_by)) == (BulkState.RUNNING, True)
    with pytest.raises(Conflict) as again:
        async with many.transaction():
            await bulk.approve(many, act.id, by("cis"))
    assert again.value.reason == "final"
    assert (await finish(many, approved)).done == SCHOOLS
    with pytest.raises(NotFound):
        async with many.transaction():
            await bulk.approve(many, UUID(int=5), by("bob"))
    await assert_right(many)


async def test_what_one_person_began_counts_for_a_day(many: Connection) -> None:
    """One person's unapproved jobs of the last day, by the database's clock, count together."""
    brins = [row["brin"] for row in await many.fetch("select brin from schools order by brin")]

    async def begin(first: int, last: int, actor: str = "ann") -> BulkJob:
        return await submit(many, wanted(destination=RIO, brins=brins[first:last]), actor, above=30)

    first = await begin(0, 20)
    refused, approved = await begin(20, 40), await begin(20, 40)
    assert (first.state, refused.state, approved.state) == (RUNNING, AWAITING, AWAITING)
    assert approved.before == RecentVolume(deliveries=20, since=first.asked_at)
    async with many.transaction():
        await bulk.stop(many, refused.id, by("ann"))
        await bulk.approve(many, approved.id, by("bob"))
    assert (await begin(40, 50)).state is RUNNING
    assert (await begin(50, 51)).before.deliveries == 30
    assert (await begin(50, 51)).state is AWAITING
    assert (await begin(50, 51, "bob")).before == RecentVolume()
    async with many.transaction():
        stopped = await bulk.stop(many, first.id, by("ann"))
    assert stopped.done == 0
    assert (await begin(50, 51)).before.deliveries == 10
    await many.execute("update bulk_jobs set asked_at = asked_at - interval '25 hours'")
    assert (await begin(51, 60)).before == RecentVolume()


async def test_what_a_stopped_act_did_and_what_was_skipped_are_told_apart(many: Connection) -> None:
    """A stopped job counts what it did, without skipped items."""
    half = await submit(many, wanted(destination=RIO, rate=50))
    await turn(many)
    async with many.transaction():
        await bulk.stop(many, half.id, by("ann"))
    act = await submit(many, wanted(destination=RIO))
    assert act.before.deliveries == 10
    await many.execute("update bulk_jobs set skipped = 5 where id = $1", act.id)
    assert (await submit(many, wanted(destination=RIO))).before.deliveries == 10 + act.todo - 5


@pytest.mark.parametrize("kind", BulkKind)
async def test_two_acts_begun_at_once_count_each_other(many: Connection, database: str, kind: BulkKind) -> None:
    """Two jobs of one person at once are serialized and count each other; another person's job does not wait."""
    if kind is BulkKind.CANCELLATION:
        await finish(many, await submit(many, wanted(destination=RIO)))
    what = wanted(kind, destination=RIO)
    other = await asyncpg.connect(database)
    await many.execute("insert into people (pseudonym, subject, since) select gen_random_uuid(), 'ann', now()"
                       " where not exists (select from people where subject = 'ann')")  # fmt: skip
    begun = many.transaction()
    await begun.start()
    first = await bulk.submit(many, what, by("ann"), SCHOOLS)
    second = asyncio.create_task(submit(other, what, above=SCHOOLS))
    while not await many.fetchval("select count(*) from pg_locks where not granted"):
        assert not second.done(), "it did not wait"
        await asyncio.sleep(0.01)
    await begun.commit()
    assert (first.state, (await second).state, (await second).before.deliveries) == (RUNNING, AWAITING, SCHOOLS)
    await other.close()


async def test_the_database_itself_wants_two_people(many: Connection) -> None:
    """The database refuses an approval by the requester."""
    act = await submit(many, wanted(destination=RIO), above=0)
    with pytest.raises(asyncpg.CheckViolationError):
        await many.execute("update bulk_jobs set approved_by = asked_by, approved_at = now() where id = $1", act.id)


async def test_every_act_of_a_person_is_in_the_audit(c: Connection) -> None:
    """Request, approval and stop of a job are in the audit of the named schools, with their reasons."""
    act = await submit(c, wanted(brins=["18DS", "00AA"]), above=0)
    async with c.transaction():
        await bulk.approve(c, act.id, by("bob"))
    async with c.transaction():
        await bulk.stop(c, act.id, by("cis"))
    rows = await c.fetch(
        "select action, brin, reason, subject ->> 'replayId' as id, before ->> 'state' as was, "
        "after ->> 'state' as now from audit order by id"
    )
    assert [(row["action"], row["brin"], row["was"], row["now"]) for row in rows if row["id"] == str(act.id)] == [
        (action, brin, was, now)
        for action, was, now in (
            ("replay.asked", None, "awaiting_approval"),
            ("replay.approved", "awaiting_approval", "running"),
            ("replay.cancelled", "running", "cancelled"),
        )
        for brin in ("00AA", "18DS")
    ]
    assert {row["reason"] for row in rows if row["id"]} == {"because"}


async def test_what_is_cancelled_in_bulk_is_noted_from_what_to_what(c: Connection) -> None:
    """Each cancelled delivery is in the audit of its school under the requester; the end of the job is the hub's."""
    for row in await c.fetch("select id from mandates"):
        async with c.transaction():
            await register.withdraw(c, row["id"], at())
    await plan_all(c)
    await fail(c, RIO)
    act = await finish(c, await submit(c, wanted(BulkKind.CANCELLATION, destination=RIO)))
    rows = await c.fetch(
        "select action, brin, reason, coalesce(p.subject, a.actor) as who, before::text, after::text from audit a "
        "left join people p on p.pseudonym::text = a.actor where a.subject ->> 'cancellationId' = $1 order by id",
        str(act.id),
    )
    assert [(row["action"], row["brin"], row["who"], row["reason"]) for row in rows] == [
        ("cancellation.asked", None, "ann", "because"),
        ("deliveries.cancelled", "00AA", "ann", "because"),
        ("deliveries.cancelled", "18DS", "ann", "because"),
        ("cancellation.done", None, "hub", None),
    ]
    gone = await c.fetch("select id, brin from deliveries where status = 'cancelled' order by brin")
    assert [loads(row["after"])["deliveries"] for row in rows[1:3]] == [
        [{"deliveryId": str(each["id"]), "before": {"status": "retrying"}, "after": {"status": "cancelled"}}]
        for each in gone
    ]
    assert loads(rows[3]["before"]) == {"state": "running"}
    assert loads(rows[3]["after"]) == {"state": "done", "done": 2, "skipped": 0}
    await assert_right(c)


async def test_a_cancellation_takes_what_waits_and_leaves_the_rest(c: Connection) -> None:
    """A cancellation cancels waiting deliveries and leaves delivered ones; the lane goes on."""
    for row in await c.fetch("select id from mandates"):
        async with c.transaction():
            await register.withdraw(c, row["id"], at())
    await plan_all(c)
    await fail(c, RIO)
    found = await bulk.preview(c, wanted(BulkKind.CANCELLATION, destination=RIO), UUID(int=1))
    assert (found.counted.matched, found.counted.superseded, found.counted.ends) == (2, 0, 2)
    ended = await finish(c, await submit(c, wanted(BulkKind.CANCELLATION, destination=RIO)))
    assert (ended.state, ended.done, ended.skipped) == (BulkState.DONE, 2, 0)
    assert [status for *_, status in await lane(c, RIO)] == ["delivered", "cancelled"]
    assert await c.fetchval("select array_agg(distinct reason) from deliveries where status = 'cancelled'") == [
        "cancelled_by_operator: because"
    ]
    assert await c.fetchval("select bool_and(head = tail and due is null) from lanes")
    await assert_right(c)


async def test_what_is_being_sent_is_cancelled_by_nobody(c: Connection) -> None:
    """Items in a leased lane are left until the lease ends; what was delivered meanwhile is skipped."""
    for row in await c.fetch("select id from mandates"):
        async with c.transaction():
            await register.withdraw(c, row["id"], at())
    await plan_all(c)
    rio = await c.fetchval("select id from destinations where name = $1", RIO)
    owner = (await processes.enter(c, "forward")).process
    leases = list(await lanes.take(c, owner, {rio: 1}, 1))
    act = await submit(c, wanted(BulkKind.CANCELLATION, destination=RIO))
    worked = await turn(c)
    assert worked is not None
    assert (worked.done, worked.skipped, worked.state) == (1, 0, BulkState.RUNNING)
    worked = await turn(c, NOW + timedelta(seconds=1))
    assert worked is not None
    assert (worked.done, worked.skipped, worked.state) == (0, 0, BulkState.RUNNING)
    await c.execute("update lanes set owner = null, due = clock_timestamp() where brin = $1", leases[0].brin)
    await take(c, RIO)
    ended = await finish(c, act, NOW + timedelta(seconds=2))
    assert (ended.done, ended.skipped, ended.state) == (1, 1, BulkState.DONE)
    await assert_right(c)
