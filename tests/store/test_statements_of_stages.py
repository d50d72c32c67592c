"""How many statements each stage of the flow takes, and what a lease writes, against recorded baselines."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hub import plan, settle
from hub.domain.delivery import Delivered
from hub.domain.keys import DeliveryKey
from hub.settle import IncomingReport, LaneResult
from hub.store import lanes, processes, published_events
from hub.store.lanes import LaneUpdate, SucceededAttempt
from hub.store.statements import queries
from schemas.kinds import ReportStatus
from tests.support.lanes.forwarding import deliver_all
from tests.support.lanes.ledgers import make_register, record_events
from tests.support.register.subscriptions import assert_books_right

if TYPE_CHECKING:
    from collections.abc import Iterator

    import asyncpg

SCHOOLS = 4
RIO = 3


@contextmanager
def statements_of(c: asyncpg.Connection[Any]) -> Iterator[list[str]]:
    """Collect the statements of ours that are sent to the server; the driver asks about types by itself."""
    found: list[str] = []
    ours = {getattr(queries, name).sql for name in dir(queries)}

    def note(record: Any) -> None:
        if record.query in ours:
            found.append(record.query)

    c.add_query_logger(note)
    yield found
    c.remove_query_logger(note)


async def make_planned(c: asyncpg.Connection[Any]) -> int:
    """Plan an event of each school, and begin a forwarder."""
    await make_register(c, SCHOOLS)
    await record_events(c, 1)
    brins = [row["brin"] for row in await c.fetch("select brin from schools")]
    async with c.transaction():
        await plan.plan(c, dict.fromkeys(brins), datetime.now(UTC), 1)
    return (await processes.enter(c, "forward")).process


def taken(lease: lanes.Lease, deliveries: list[lanes.QueuedDelivery]) -> LaneResult:
    """Make the result of a lane of which everything was accepted."""
    at = datetime.now(UTC)
    succeeded = [
        SucceededAttempt(
            key=DeliveryKey(lease.destination, lease.brin, delivery.message.sequence),
            before=delivery.status,
            outcome=Delivered(at=at, partition=0, offset=1),
            expects_report=True,
            planned_at=at,
        )
        for delivery in deliveries
    ]
    head = deliveries[-1].message.sequence
    update = LaneUpdate(lease=lease, head=head, sent=head, closed=lease.closed, wait=0.0)
    return LaneResult(update=update, succeeded=succeeded)


async def test_planning_takes_two_statements(connection: asyncpg.Connection[Any]) -> None:
    """Lock and read, write everything: however many schools and events, at a school's first event and later ones."""
    c = connection
    await make_register(c, SCHOOLS)
    brins = [row["brin"] for row in await c.fetch("select brin from schools")]
    for each in (1, 3):
        await record_events(c, each)
        with statements_of(c) as sent:
            async with c.transaction():
                await plan.plan(c, dict.fromkeys(brins), datetime.now(UTC), 1)
        assert len(sent) == 2
    assert await c.fetchval("select count(*) from deliveries") == 4 * SCHOOLS
    assert await c.fetchval("select array_agg(distinct tail) from lanes") == [4]
    await assert_books_right(c)


async def test_a_record_that_comes_twice_leaves_the_gate_free(connection: asyncpg.Connection[Any]) -> None:
    """Where nothing is unplanned, nobody who holds a destination as a whole waits for the planner."""
    c = connection
    await make_planned(c)
    brins = [row["brin"] for row in await c.fetch("select brin from schools")]
    gate = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
    for events, locks in ((0, 0), (1, 1)):
        await record_events(c, events)
        async with c.transaction():
            await plan.plan(c, dict.fromkeys(brins), datetime.now(UTC), 1)
            assert await c.fetchval(gate) == locks


async def test_a_forwarder_takes_a_statement_to_lease_and_one_to_complete(connection: asyncpg.Connection[Any]) -> None:
    """However many lanes there are, where every attempt was accepted."""
    c = connection
    owner = await make_planned(c)
    with statements_of(c) as sent:
        due = await lanes.take(c, owner, {RIO: 10}, 10)
        done = await settle.complete(c, owner, [taken(*each) for each in due.items()], datetime.now(UTC))
        await asyncio.sleep(0)  # the driver reports a statement in the next step of the loop
    assert len(sent) == 2
    assert (done.lanes, done.may_be_due) == (SCHOOLS, False)
    await assert_books_right(c)


async def test_a_lane_that_got_more_is_due_after_its_completion(connection: asyncpg.Connection[Any]) -> None:
    """Its owner is told, so that it leases again without a notification."""
    c = connection
    owner = await make_planned(c)
    due = await lanes.take(c, owner, {RIO: 10}, 10)
    await record_events(c, 1)
    brin = next(iter(due)).brin
    async with c.transaction():
        await plan.plan(c, {brin: None}, datetime.now(UTC), 1)
    done = await settle.complete(c, owner, [taken(*each) for each in due.items()], datetime.now(UTC))
    assert done.may_be_due
    assert [lease.brin for lease in await lanes.take(c, owner, {RIO: 10}, 10)] == [brin]


async def test_what_is_not_as_it_was_read_is_written_in_the_general_way(connection: asyncpg.Connection[Any]) -> None:
    """A lane that has another owner, and a delivery that DUO reported on already: the others are completed."""
    c = connection
    owner = await make_planned(c)
    due = await lanes.take(c, owner, {RIO: 10}, 10)
    first, second = list(due)[:2]
    await c.execute("update lanes set token = token + 1 where brin = $1", first.brin)
    at = datetime.now(UTC)
    report = IncomingReport(delivery_id=due[second][0].message.id, status=ReportStatus.IN_PROGRESS, reported_at=at)
    async with c.transaction():
        await settle.apply_reports(c, [report], at, 1)
    done = await settle.complete(c, owner, [taken(*each) for each in due.items()], at)
    assert done.lanes == SCHOOLS - 1
    found = dict(await c.fetch("select brin, status::text from deliveries"))
    assert found.pop(first.brin) == "waiting"
    assert found.pop(second.brin) == "in_progress"
    assert set(found.values()) == {"delivered"}
    assert await c.fetchval("select attempts from deliveries where brin = $1", second.brin) == 1
    await c.execute("update lanes set owner = null, due = now() where owner is not null")
    await deliver_all(c)
    await assert_books_right(c)


async def test_publishing_takes_two_statements(connection: asyncpg.Connection[Any]) -> None:
    """Events are read from the outbox and moved; each position is the one that its event was sent with."""
    c = connection
    await make_register(c, SCHOOLS)
    await record_events(c, 2)
    with statements_of(c) as sent:
        entries = await published_events.read_outbox(c, 100)
        await published_events.mark_published(c, entries, 2**40, datetime.now(UTC))
        await asyncio.sleep(0)  # the driver reports a statement in the next step of the loop
    assert len(sent) == 2
    rows = await c.fetch("select position, brin, number from published_events order by position")
    assert [tuple(row) for row in rows] == [(2**40 + n, x.event.brin, x.event.number) for n, x in enumerate(entries, 1)]


async def test_a_lease_of_nothing_writes_nothing(connection: asyncpg.Connection[Any]) -> None:
    """Who looks for due lanes in vain takes no transaction id; who leases some does not wait for the disk."""
    c = connection
    owner = await make_planned(c)
    async with c.transaction():
        assert len(await lanes.take(c, owner, {RIO: 10}, 1)) == SCHOOLS
        assert await c.fetchval("select pg_current_xact_id_if_assigned() is not null")
        assert await c.fetchval("show synchronous_commit") == "off"
    assert await c.fetchval("show synchronous_commit") == "on"
    async with c.transaction():
        assert await lanes.take(c, owner, {RIO: 10}, 1) == {}
        assert await c.fetchval("select pg_current_xact_id_if_assigned()") is None


async def test_a_lease_that_a_crash_undid_completes_nobody_elses(connection: asyncpg.Connection[Any]) -> None:
    """After the crash the lane has its earlier token again, and its next owner gets the same one."""
    c = connection
    first = await make_planned(c)
    ((lease, deliveries),) = (await lanes.take(c, first, {RIO: 1}, 10)).items()
    await c.execute("update lanes set owner = null, due = now(), token = token - 1 where owner = $1", first)
    second = (await processes.enter(c, "forward")).process
    assert lease.key in {x.key for x in await lanes.take(c, second, {RIO: 10}, 10)}
    done = await settle.complete(c, first, [taken(lease, deliveries)], datetime.now(UTC))
    assert done.lanes == 0
    assert await c.fetchval("select owner from lanes where brin = $1", lease.brin) == second
    await c.execute("update lanes set owner = null, due = now() where owner = $1", second)
    assert len(await deliver_all(c)) == SCHOOLS
    await assert_books_right(c)
