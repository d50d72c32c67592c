"""Replays on a real database: previewed, done once, at their rate, with several workers and crashes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest

from hub import register
from hub.domain.bulk import BulkState
from hub.errors import InvalidInput
from hub.operations import bulk, controls
from tests.support.lanes.ledger_states import plan_all, report, take
from tests.support.register.bulk_jobs import (
    RIO,
    SCHOOLS,
    assert_right,
    by,
    everything,
    finish,
    make_many,
    make_two,
    submit,
    turn,
    wanted,
)
from tests.support.register.subscriptions import NOW, at, grant, lane

if TYPE_CHECKING:
    from hub.store.pool import Connection


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


async def test_a_dry_run_counts_and_changes_nothing(many: Connection) -> None:
    """A dry run counts the matches, shows samples, and changes nothing."""
    before = await everything(many)
    found = await bulk.preview(many, wanted(destination=RIO), UUID(int=1))
    counted = found.counted
    assert (counted.matched, counted.superseded, len(counted.todo)) == (3 * SCHOOLS, 2 * SCHOOLS, SCHOOLS)
    assert len(found.sample) == 10
    first = found.sample[0]
    row = await many.fetchrow("select id, brin from deliveries where brin = $1 and sequence = 3", first["brin"])
    assert row is not None
    assert (first["deliveryId"], first["destination"]) == (str(row["id"]), RIO)
    assert (first["mandateVersion"], first["branch"], first["sends"]) == (3, None, "nl.osr.mandate.amended.v1")
    assert await everything(many) == before


async def test_an_act_does_what_its_preview_says(many: Connection) -> None:
    """A replay appends one delivery per unit for its newest delivery, and is done then."""
    act = await submit(many, wanted(destination=RIO))
    assert (act.state, act.matched, act.superseded, act.todo, act.done) == (
        BulkState.RUNNING, 3 * SCHOOLS, 2 * SCHOOLS, SCHOOLS, 0
    )  # fmt: skip
    ended = await finish(many, act)
    assert (ended.state, ended.done, ended.skipped, ended.ended_at is not None) == (BulkState.DONE, SCHOOLS, 0, True)
    rows = await many.fetch(
        "select d.sequence, d.event_number, o.sequence as stands_for from deliveries d "
        "join deliveries o on o.id = d.replay_of where d.cause = $1",
        act.id,
    )
    assert [tuple(row) for row in rows] == [(4, 3, 3)] * SCHOOLS
    assert await many.fetchval("select count(*) from lanes where due is not null and tail = 4") == SCHOOLS
    assert await many.fetchval("select count(*) from bulk_items") == 0
    await assert_right(many)


async def test_the_books_are_right_with_a_replay_under_way(many: Connection) -> None:
    """The ledger check holds while a replay runs; a processed replay supersedes what it repeats."""
    await many.execute(
        "update deliveries set status = 'delivered', reported_at = null, processed_at = null;"
        "update tallies set status = 'delivered'; update lanes set closed = 0"
    )
    await submit(many, wanted(destination=RIO, rate=50))
    for second in range(4):
        await turn(many, NOW + timedelta(seconds=second))
        await assert_right(many)
    assert await take(many, RIO) == 40
    await assert_right(many)
    one = await many.fetchrow("select id, brin from deliveries where cause is not null limit 1")
    assert one is not None
    await report(many, str(one["id"]), "processed")
    statuses = await many.fetch(
        "select status::text as s from deliveries where brin = $1 order by sequence", one["brin"]
    )
    assert [row["s"] for row in statuses] == ["superseded"] * 3 + ["processed"]
    await assert_right(many)


async def test_after_a_withdrawal_no_replay_brings_the_grant_back(c: Connection) -> None:
    """A replay of the grant's id sends the end when the mandate was withdrawn."""
    granted = await c.fetchrow("select id from deliveries where brin = '18DS'")
    assert granted is not None
    async with c.transaction():
        await register.withdraw(c, await c.fetchval("select id from mandates where brin = '18DS'"), at())
    await plan_all(c)
    await take(c, RIO)
    found = await bulk.preview(c, wanted(delivery_ids=[granted["id"]]), UUID(int=1))
    assert [each["sends"] for each in found.sample] == ["nl.osr.mandate.withdrawn.v1"]
    for chosen in ({"delivery_ids": [granted["id"]]}, {"brins": ["18DS"]}):
        await finish(c, await submit(c, wanted(**chosen)))
        await take(c, RIO)
    assert [kind for _, _, kind, _ in await lane(c, RIO)] == ["granted", "withdrawn", "withdrawn", "withdrawn"]
    await assert_right(c)


async def test_what_happens_after_it_was_asked_for_counts(c: Connection) -> None:
    """A replay sends the state at the time of sending, not of the request."""
    act = await submit(c, wanted(brins=["18DS"]))
    async with c.transaction():
        await register.withdraw(c, await c.fetchval("select id from mandates where brin = '18DS'"), at())
    await plan_all(c)
    ended = await finish(c, act)
    assert (ended.done, ended.skipped) == (0, 1)
    assert [kind for _, _, kind, _ in await lane(c, RIO)] == ["granted", "withdrawn"]


@pytest.mark.parametrize(
    ("chosen", "matched"),
    [
        ({"destination": "duo:rio"}, 2),
        ({"destination": "duo:verzuim"}, 0),
        ({"brins": ["18DS"]}, 1),
        ({"brins": ["18DS", "00AA"], "destination": "duo:rio"}, 2),
        ({"statuses": ["delivered"]}, 2),
        ({"statuses": ["dead", "cancelled"]}, 0),
        ({"planned_from": NOW - timedelta(days=9000)}, 2),
        ({"planned_until": NOW - timedelta(days=9000)}, 0),
        ({"mandate_ids": [UUID(int=9)]}, 0),
        ({"delivery_ids": [UUID(int=9)], "brins": ["18DS"]}, 0),
    ],
)
async def test_filters_choose_together(c: Connection, chosen: dict[str, Any], matched: int) -> None:
    """A delivery is selected when it fits every filter."""
    assert (await bulk.preview(c, wanted(**chosen), UUID(int=1))).counted.matched == matched


async def test_by_mandate_and_by_delivery(c: Connection) -> None:
    """Filters by mandate id and by delivery id select what they name."""
    mandate = await c.fetchval("select id from mandates where brin = '18DS'")
    delivery = await c.fetchval("select id from deliveries where brin = '18DS'")
    for chosen in (
        {"mandate_ids": [mandate]},
        {"delivery_ids": [delivery]},
        {"statuses": ["delivered"], "brins": ["18DS"]},
    ):
        found = await bulk.preview(c, wanted(**chosen), UUID(int=1))
        assert [each["deliveryId"] for each in found.sample] == [str(delivery)]


async def test_results_of_processing_are_no_state(c: Connection) -> None:
    """Processing results are never replayed."""
    await c.execute("update deliveries set type = 'result', result = '{}' where brin = '18DS'")
    assert (await bulk.preview(c, wanted(destination=RIO), UUID(int=1))).counted.matched == 1


async def test_what_waits_or_is_held_is_found_by_how_it_is_shown(c: Connection) -> None:
    """The status filter means statuses as shown: `held` selects deliveries of held lanes."""
    await grant(c, service="VVA")
    await plan_all(c)
    held = await bulk.preview(c, wanted(statuses=["held"]), UUID(int=1))
    assert (held.counted.matched, held.counted.superseded, len(held.counted.todo)) == (1, 1, 0)
    assert (await bulk.preview(c, wanted(statuses=["waiting"]), UUID(int=1))).counted.matched == 0
    act = await submit(c, wanted(statuses=["held"]))
    assert (act.state, act.todo) == (BulkState.DONE, 0)


async def test_faults_are_named_all_at_once(c: Connection) -> None:
    """A request with several faults is refused with all of them."""
    what = wanted(destination="duo:x", brins=["99ZZ"], planned_from=NOW, planned_until=NOW - timedelta(days=1))
    with pytest.raises(InvalidInput) as caught:
        await bulk.preview(c, what, UUID(int=1))
    assert sorted(fault.code for fault in caught.value.errors) == [
        "before_from",
        "unknown_destination",
        "unknown_school",
    ]
    with pytest.raises(InvalidInput) as caught:
        await bulk.preview(c, wanted(), UUID(int=1))
    assert [fault.code for fault in caught.value.errors] == ["nothing_chosen"]


async def test_the_rate_is_kept_whoever_takes_the_turns(many: Connection, database: str) -> None:
    """Four workers together stay within the rate in every second."""
    await submit(many, wanted(destination=RIO, rate=10))
    workers = [await asyncpg.connect(database) for _ in range(4)]
    sent: list[tuple[int, int]] = []
    for hundredth in range(300):
        moment = NOW + timedelta(seconds=hundredth / 100)
        turns = await asyncio.gather(*(turn(worker, moment) for worker in workers))
        sent += [(hundredth, worked.done) for worked in turns if worked is not None]
    for worker in workers:
        await worker.close()
    for start in range(300):
        assert sum(n for when, n in sent if start <= when < start + 100) <= 10
    assert sum(n for _, n in sent) >= 28


async def test_a_clock_that_jumped_stops_nothing(many: Connection) -> None:
    """A portion that is due an hour ahead, after a clock jump, runs at once."""
    act = await submit(many, wanted(destination=RIO))
    await turn(many, NOW + timedelta(hours=1))
    assert (await finish(many, act)).state is BulkState.DONE


async def test_two_workers_at_once_double_nothing(many: Connection, database: str) -> None:
    """Two workers at once process each item once."""
    act = await submit(many, wanted(destination=RIO, rate=10_000))
    one, other = await asyncpg.connect(database), await asyncpg.connect(database)
    first = one.transaction()
    await first.start()
    assert await bulk.run_batch(one, NOW, 0) is not None
    assert await turn(other, NOW + timedelta(seconds=30)) is None
    await first.commit()

    async def all_turns(worker: Connection) -> None:
        moment = NOW
        while (await bulk.read(worker, act.id)).state is BulkState.RUNNING:
            await turn(worker, moment)
            moment += timedelta(seconds=1)

    await asyncio.gather(all_turns(one), all_turns(other))
    await one.close()
    await other.close()
    assert await many.fetchval("select count(*) from deliveries where cause = $1", act.id) == SCHOOLS
    await assert_right(many)


async def test_a_turn_that_breaks_off_did_nothing_and_is_taken_again(many: Connection, database: str) -> None:
    """A portion that is cut off is rolled back and done again by the next worker."""
    act = await submit(many, wanted(destination=RIO, rate=100))
    for second in range(2):
        moment = NOW + timedelta(seconds=second)
        dying = await asyncpg.connect(database)
        await dying.execute("begin")
        worked = await bulk.run_batch(dying, moment, 0)
        assert worked is not None
        assert worked.done == 20
        dying.terminate()
        while await many.fetchval("select count(*) from pg_locks where locktype = 'transactionid' and granted"):
            await asyncio.sleep(0.01)
        await turn(many, moment)
        assert (await bulk.read(many, act.id)).done == 20 * (second + 1)
        await assert_right(many)
    ended = await finish(many, act)
    assert (ended.done, ended.skipped) == (SCHOOLS, 0)
    assert await many.fetchval("select count(*) from deliveries where cause = $1", act.id) == SCHOOLS


async def test_holding_and_replaying_go_together(c: Connection) -> None:
    """A replay to a held lane waits until the lane is released."""
    async with c.transaction():
        await controls.hold(c, RIO, None, by("ann"))
    await finish(c, await submit(c, wanted(destination=RIO)))
    assert await take(c, RIO) == 0
    async with c.transaction():
        await controls.release(c, RIO, ["18DS"], by("ann"))
    assert await take(c, RIO) == 1
    await assert_right(c)
