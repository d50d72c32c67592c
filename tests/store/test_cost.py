"""The cost of a delivery in WAL bytes and statements, against a recorded baseline."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from hub import plan, settle
from hub.domain.delivery import Delivered
from hub.domain.keys import DeliveryKey
from hub.settle import IncomingReport, LaneResult
from hub.store import lanes, processes, published_events
from hub.store.lanes import LaneUpdate, SucceededAttempt
from schemas.kinds import ReportStatus
from tests.support.lanes.ledgers import make_register, record_events, settle_everything
from tests.support.sessions import prefer_index_lookups

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DELIVERIES: Final = 6000
BATCH: Final = 500
SETTLED: Final = 200
BUDGET: Final = {4: (2048, 2560), 1: (2700, 3000)}
"""Deliveries that wait in each lane -> bytes through transport, and with the report. The design's budget is the first;
one delivery per lane shares the rows of its lane, plan and school with none: its baseline stands beside it."""
STATEMENTS: Final = 0.2
SERVER: Final = {"checkpoint_timeout": "'1h'", "max_wal_size": "'8GB'", "autovacuum": "off"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes of records, and of full pages apart, per delivery."""

    records: float
    pages: float


@pytest.fixture
async def quiet(database: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A connection to a server that writes nothing but what it is asked to."""
    c = await asyncpg.connect(database)
    for name, value in SERVER.items():
        await c.execute(f"alter system set {name} = {value}")
    await c.execute("select pg_reload_conf()")
    await c.execute("create extension if not exists pg_walinspect")
    await prefer_index_lookups(c)
    yield c
    for name in SERVER:
        await c.execute(f"alter system reset {name}")
    await c.execute("select pg_reload_conf()")
    await c.close()


async def cost(c: asyncpg.Connection[Any], start: str) -> Cost:
    """Return the WAL written since `start`."""
    row = await c.fetchrow(
        """select sum(record_size)::float as records, sum(fpi_size)::float as pages
             from pg_get_wal_stats($1::text::pg_lsn, pg_current_wal_flush_lsn())""",
        start,
    )
    assert row is not None
    return Cost(row["records"] / DELIVERIES, row["pages"] / DELIVERIES)


@pytest.mark.parametrize("each", [4, 1])
async def test_wal_and_statements_per_delivery_stay_in_their_budget(quiet: asyncpg.Connection[Any], each: int) -> None:
    """6,000 deliveries in the batches of a loaded hub, on lanes that exist: event, log, plan, transport, report."""
    c = quiet
    await make_register(c, DELIVERIES // each)
    await record_events(c, 1)
    await settle_everything(c)
    await c.execute("checkpoint")
    start = await c.fetchval("select pg_current_wal_insert_lsn()::text")
    await record_events(c, each)
    recorded = await cost(c, start)
    statements = Counter[str]()
    c.add_query_logger(lambda record: statements.update([record.query]))
    await _publish(c, DELIVERIES // each)
    brins = [row["brin"] for row in await c.fetch("select brin from schools order by brin")]
    await _plan(c, brins)
    ids = await _transport(c)
    total = sum(statements.values())
    transported = await cost(c, start)
    await _report(c, ids)
    reported = await cost(c, start)
    print(
        f"\n{each} per lane: WAL per delivery: event {recorded.records:.0f} B, through transport"
        f" {transported.records:.0f} B, with the report {reported.records:.0f} B; full pages {reported.pages:.0f} B;"
        f" statements {total / DELIVERIES:.3f}"
    )
    assert len(ids) == DELIVERIES
    assert transported.records <= BUDGET[each][0]
    assert reported.records <= BUDGET[each][1]
    assert total / DELIVERIES <= STATEMENTS


async def _publish(c: asyncpg.Connection[Any], position: int) -> None:
    while errands := await published_events.read_outbox(c, BATCH):
        await published_events.mark_published(c, errands, position, datetime.now(UTC))
        position += len(errands)


async def _plan(c: asyncpg.Connection[Any], brins: list[str]) -> None:
    for at in range(0, len(brins), BATCH):
        async with c.transaction():
            rang = dict.fromkeys(brins[at : at + BATCH], datetime.now(UTC))
            await plan.plan(c, rang, datetime.now(UTC), 1)


async def _transport(c: asyncpg.Connection[Any]) -> list[Any]:
    owner, ids = (await processes.enter(c, "forward")).process, []
    while taken := await lanes.take(c, owner, {3: SETTLED}, 40):
        at = datetime.now(UTC)
        runs = [_run(lease, deliveries, at) for lease, deliveries in taken.items()]
        await settle.complete(c, owner, runs, at)
        ids += [delivery.message.id for deliveries in taken.values() for delivery in deliveries]
        await _drain_changes(c)
    return ids


def _run(lease: lanes.Lease, deliveries: list[lanes.QueuedDelivery], at: datetime) -> LaneResult:
    succeeded = [
        SucceededAttempt(
            key=DeliveryKey(3, lease.brin, delivery.message.sequence),
            before=delivery.status,
            outcome=Delivered(at=at, partition=1, offset=7),
            expects_report=True,
            planned_at=at,
        )
        for delivery in deliveries
    ]
    through = deliveries[-1].message.sequence
    update = LaneUpdate(lease=lease, head=through, sent=through, closed=lease.closed, wait=0.0)
    return LaneResult(update=update, succeeded=succeeded)


async def _report(c: asyncpg.Connection[Any], ids: list[Any]) -> None:
    for at in range(0, len(ids), BATCH):
        now = datetime.now(UTC)
        async with c.transaction():
            reports = [
                IncomingReport(delivery_id=i, status=ReportStatus.PROCESSED, reported_at=now)
                for i in ids[at : at + BATCH]
            ]
            await settle.apply_reports(c, reports, now, 1)
        await _drain_changes(c)


async def _drain_changes(c: asyncpg.Connection[Any]) -> None:
    if rows := await published_events.read_changes(c, 20):
        await published_events.subjects(c, [change for items in rows.values() for change in items])
        await published_events.delete_changes(c, list(rows))
