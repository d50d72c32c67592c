"""Statements of the hot path on 1,000 rows and a ledger with history: they use their indexes and stay linear."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from hub import plan, register, settle
from hub.domain.delivery import Delivered
from hub.domain.keys import DeliveryKey
from hub.observe.status import school_status
from hub.settle import IncomingReport, LaneResult
from hub.store import lanes, processes, published_events
from hub.store.lanes import LaneUpdate, SucceededAttempt
from hub.store.plans import unplanned_schools
from schemas.kinds import ReportStatus
from tests.support.lanes.ledgers import QUEUE, make_register, record_events, settle_everything
from tests.support.sessions import prefer_index_lookups

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SCHOOLS, HISTORY, ROWS = 6000, 10, 1000
BIG = {"deliveries", "events", "lanes", "mandates", "planning_progress", "schools"}


class Plans:
    """Collects the plans that auto_explain logs for one connection."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def __call__(self, _connection: object, message: asyncpg.PostgresLogMessage) -> None:
        """Take in what the server says."""
        text = str(message.message)
        if "plan:" in text and "typeinfo_tree" not in text:  # the driver's own look at types, once per connection
            self.seen.append(json.loads(text[text.index("{") :]))

    def nodes(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Walk all nodes, each with the statement it belongs to."""
        for seen in self.seen:
            waiting = [seen["Plan"]]
            while waiting:
                node = waiting.pop()
                waiting.extend(node.get("Plans", ()))
                yield " ".join(seen["Query Text"].split())[:110], node

    def rows_read(self, *tables: str) -> dict[str, float]:
        """Return how many rows of these tables were read, those that a filter removed as well."""
        found = dict.fromkeys(tables, 0.0)
        for _, node in self.nodes():
            if node.get("Relation Name") in found:
                read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                found[node["Relation Name"]] += read * node["Actual Loops"]
        return found

    def lookups(self, table: str) -> float:
        """Return how often rows of a table were looked for."""
        return sum(float(node["Actual Loops"]) for _, node in self.nodes() if node.get("Relation Name") == table)


@pytest.fixture
async def explained(database: str) -> AsyncIterator[tuple[asyncpg.Connection[Any], Plans]]:
    """A connection on a ledger of 60,000 settled deliveries and 6,000 new events, with its plans recorded."""
    c = await asyncpg.connect(database)
    await make_register(c, SCHOOLS)
    await record_events(c, HISTORY, body=20)
    await settle_everything(c, QUEUE)
    await record_events(c, 1, body=20)
    for table in (*sorted(BIG), "event_outbox", "published_events"):
        await c.execute(f"vacuum analyze {table}")
    await prefer_index_lookups(c)
    plans = Plans()
    await c.execute("load 'auto_explain'")
    for name, value in {
        "log_min_duration": "0",
        "log_analyze": "on",
        "log_timing": "off",
        "log_format": "json",
    }.items():
        await c.execute(f"set auto_explain.{name} = '{value}'")
    await c.execute("set client_min_messages = log")
    c.add_log_listener(plans)
    yield c, plans
    await c.close()


async def test_hot_statements_use_their_indexes(explained: tuple[asyncpg.Connection[Any], Plans]) -> None:
    """Planning, leasing, settling, reporting and publishing 1,000 rows scan no table and join without waste."""
    c, plans = explained
    brins = [row["brin"] for row in await c.fetch("select brin from schools order by brin limit $1", ROWS)]
    plans.seen.clear()
    at = datetime.now(UTC)
    async with c.transaction():
        assert len((await plan.plan(c, dict.fromkeys(brins, at), at, 1)).planned) == ROWS
    owner = (await processes.enter(c, "forward")).process
    taken = await lanes.take(c, owner, {3: ROWS}, 40)
    runs = [
        LaneResult(
            update=LaneUpdate(lease=x, head=x.head + 1, sent=x.head + 1, closed=x.closed, wait=0.0),
            succeeded=[
                SucceededAttempt(
                    key=DeliveryKey(3, x.brin, x.head + 1),
                    before=m.status,
                    outcome=Delivered(at=at, partition=1, offset=7),
                    expects_report=True,
                    planned_at=at,
                )
                for m in deliveries
            ],
        )
        for x, deliveries in taken.items()
    ]
    assert (await settle.complete(c, owner, runs, at)).lanes == ROWS
    ids = [m.message.id for deliveries in taken.values() for m in deliveries]
    async with c.transaction():
        reports = [IncomingReport(delivery_id=i, status=ReportStatus.PROCESSED, reported_at=at) for i in ids]
        await settle.apply_reports(c, reports, at, 1)
    errands = await published_events.read_outbox(c, ROWS)
    await published_events.mark_published(c, errands, SCHOOLS * HISTORY, at)
    changes = [change for items in (await published_events.read_changes(c, 20)).values() for change in items]
    assert len(await published_events.subjects(c, changes[:ROWS])) == ROWS
    _judge(plans)


def _judge(plans: Plans) -> None:
    statements = {text for text, _ in plans.nodes()}
    assert len(statements) >= 14
    scanned = [(text, n["Relation Name"]) for text, n in plans.nodes()
               if n["Node Type"] == "Seq Scan" and n["Relation Name"] in BIG]  # fmt: skip
    assert scanned == []
    wasteful = [(text, n["Node Type"], n["Rows Removed by Join Filter"]) for text, n in plans.nodes()
                if n.get("Rows Removed by Join Filter", 0) > n["Actual Rows"] * n["Actual Loops"]]  # fmt: skip
    assert wasteful == []


async def test_the_calendar_reads_the_mandates_that_are_due(explained: tuple[asyncpg.Connection[Any], Plans]) -> None:
    """It looks each second: of thousands of mandates it reads those whose date has come, and no other."""
    c, plans = explained
    today = datetime.now(UTC).date()
    plans.seen.clear()
    assert await register.due(c, today, ROWS) == []
    assert plans.rows_read("mandates") == {"mandates": 0}
    brin = await c.fetchval(
        """update mandates set next_date = $1
            where id = (select id from mandates order by brin desc limit 1) returning brin""",
        today,
    )
    plans.seen.clear()
    assert await register.due(c, today, ROWS) == [brin]
    assert plans.rows_read("mandates") == {"mandates": 1}


async def test_a_look_for_unplanned_schools_reads_them_in_one_pass(
    explained: tuple[asyncpg.Connection[Any], Plans],
) -> None:
    """Progress is read along with all schools, and not looked up for each of them."""
    c, plans = explained
    plans.seen.clear()
    assert len(await unplanned_schools(c, ROWS)) == ROWS
    assert plans.lookups("planning_progress") == 1


async def test_a_schools_status_reads_no_more_after_many_changes(
    explained: tuple[asyncpg.Connection[Any], Plans],
) -> None:
    """Two thousand changes of a mandate later as many rows of events and deliveries are read as before: the newest."""
    c, plans = explained
    brin = await c.fetchval("select brin from schools order by brin limit 1")

    async def rows_read() -> dict[str, float]:
        plans.seen.clear()
        assert await school_status(c, brin, datetime.now(UTC), datetime.now(UTC).date()) is not None
        return plans.rows_read("events", "deliveries")

    unit = [{"branch": "", "routing": None, "covers": [f"{brin}00"], "told": True}]
    await c.execute("update mandates set units = $2 where brin = $1", brin, json.dumps(unit))
    before = await rows_read()
    await c.execute(
        """with newest as (select * from events where brin = $1 order by number desc limit 1)
           insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
           select n.brin, n.number + i, n.recorded_at, gen_random_uuid(), n.mandate_id, n.mandate_version + i, n.type,
                  n.units, n.body from newest n, generate_series(1, 2000) i""",
        brin,
    )
    await c.execute("update schools set counter = counter + 2000 where brin = $1", brin)
    unfinished = [brin]
    while unfinished:
        async with c.transaction():
            now = datetime.now(UTC)
            unfinished = sorted((await plan.plan(c, dict.fromkeys(unfinished, now), now, 0)).unfinished)
    await c.execute("vacuum analyze events")
    await c.execute("vacuum analyze deliveries")
    after = await rows_read()
    assert 0 < after["events"] <= before["events"] + 2
    assert after["deliveries"] <= before["deliveries"] + 2
