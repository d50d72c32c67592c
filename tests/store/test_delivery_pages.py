"""Pages of deliveries by every filter: a bounded number of rows is looked at, and following `next` finds everything."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
import pytest

from hub.clock import now
from hub.store import delivery_pages
from hub.store.deliveries import DeliveryFilter, DeliveryScope, list_deliveries
from hub.store.delivery_pages import read_page
from tests.bench.grow import Growth, grow

if TYPE_CHECKING:
    from collections.abc import Iterator

    import asyncpg

    from hub.store.deliveries import DeliveryView

EVERYTHING = DeliveryScope(everything=True)
BIG = {"deliveries", "events"}
WINDOW, SMALL = 300, 10
ONE = """
select d.id, d.brin, e.id as event, e.mandate_id
  from deliveries d join events e on e.brin = d.brin and e.number = d.event_number
 where d.sequence = 7 order by d.id offset 100 limit 1
"""


@pytest.fixture
async def grown(connection: asyncpg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> asyncpg.Connection[Any]:
    """A ledger of 12,000 deliveries over 540 days, some of them rejected; a page looks at 300 of them."""
    monkeypatch.setattr(delivery_pages, "WINDOW", WINDOW)
    await grow(connection, Growth(deliveries=12_000, schools=300), lambda _: None)
    await connection.execute(
        "update deliveries set status = 'rejected' where status = 'processed' and hashtext(id::text) % 500 = 0"
    )
    await connection.execute("select brin_summarize_new_values('deliveries_planned')")  # as autovacuum does in time
    return connection


async def destinations(c: asyncpg.Connection[Any]) -> list[int]:
    """Return all destinations."""
    return [row["id"] for row in await c.fetch("select id from destinations order by id")]


async def walk(c: asyncpg.Connection[Any], wanted: DeliveryFilter, limit: int = 50) -> list[UUID]:
    """Follow the pages to their end, as a caller does."""
    found: list[UUID] = []
    after = wanted.after
    while True:
        page = await read_page(c, _behind(wanted, after), EVERYTHING, (), limit + 1)
        rows = page.rows[:limit]
        found += [row.id for row in rows]
        after = _key(rows[-1]) if len(page.rows) > limit else page.through
        if after is None:
            return found


def _behind(wanted: DeliveryFilter, after: tuple[int, str, int] | None) -> DeliveryFilter:
    return DeliveryFilter(
        **{name: getattr(wanted, name) for name in DeliveryFilter.__slots__ if name != "after"}, after=after
    )


def _key(row: DeliveryView) -> tuple[int, str, int]:
    return row.destination, row.brin, row.sequence


async def filters(c: asyncpg.Connection[Any]) -> dict[str, DeliveryFilter]:
    """Return a filter of each kind that a caller may use."""
    to = await destinations(c)
    one = await c.fetchrow(ONE)
    assert one is not None
    day = now() - timedelta(days=30)
    return {
        "nothing": DeliveryFilter(destinations=to),
        "destination": DeliveryFilter(destinations=to[:1]),
        "school": DeliveryFilter(destinations=to, brin=one["brin"]),
        "branch": DeliveryFilter(destinations=to, branch="18DS00"),
        "service": DeliveryFilter(destinations=to, service_code="RIO"),
        "mandate": DeliveryFilter(destinations=to, mandate_id=one["mandate_id"]),
        "no such mandate": DeliveryFilter(destinations=to, mandate_id=UUID(int=7)),
        "event": DeliveryFilter(destinations=to, event_id=one["event"]),
        "ids": DeliveryFilter(destinations=to, ids=[one["id"]]),
        "rare status": DeliveryFilter(destinations=to, statuses=["rejected"]),
        "no such status": DeliveryFilter(destinations=to, statuses=["dead"]),
        "held": DeliveryFilter(destinations=to, statuses=["held"]),
        "from": DeliveryFilter(destinations=to, planned_from=now() - timedelta(days=5)),
        "from long ago": DeliveryFilter(
            destinations=to, planned_from=now() - timedelta(days=500), statuses=["rejected"]
        ),
        "to": DeliveryFilter(destinations=to, planned_until=now() - timedelta(days=500)),
        "from and to": DeliveryFilter(destinations=to, planned_from=day, planned_until=day + timedelta(days=1)),
        "after": DeliveryFilter(destinations=to, after_sequence=9),
    }


async def test_following_next_finds_everything(grown: asyncpg.Connection[Any]) -> None:
    """Whatever the filter, the pages together are what one unbounded statement finds, in its order."""
    counts = {}
    for name, wanted in (await filters(grown)).items():
        whole = [row.id for row in await list_deliveries(grown, wanted, EVERYTHING, (), 100_000)]
        assert await walk(grown, wanted) == whole, name
        counts[name] = len(whole)
    assert counts["nothing"] == 12_000
    assert counts["mandate"] == 10
    assert 0 < counts["rare status"] < 100
    assert counts["no such status"] == 0


async def test_no_filter_reads_more_than_a_window(grown: asyncpg.Connection[Any]) -> None:
    """No node of a plan reads many more rows of a big table than the window has, whatever it throws away again."""
    for name, wanted in (await filters(grown)).items():
        asked: list[tuple[str, Any]] = []
        with grown.query_logger(lambda one, to=asked: to.append((one.query, one.args))):
            await read_page(grown, wanted, EVERYTHING, (), 51)
        for query, values in asked:
            if " from " not in query:
                continue
            for node in nodes(await explained(grown, query, values)):
                if node.get("Relation Name") in BIG:
                    assert rows_read(node) <= 3 * WINDOW, (name, node)


async def test_no_page_reads_an_index_through(grown: asyncpg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A page in the middle of the ledger reads the blocks of its own rows, and not the index before or behind them."""
    monkeypatch.setattr(delivery_pages, "WINDOW", SMALL)
    await grown.execute("vacuum deliveries")
    to = await destinations(grown)
    after = await grown.fetchrow(
        "select destination, brin, sequence from deliveries order by 1, 2, 3 offset 4000 limit 1"
    )
    assert after is not None
    for statuses in (None, ["dead"]):
        asked: list[tuple[str, Any]] = []
        with grown.query_logger(lambda one, to=asked: to.append((one.query, one.args))):
            await read_page(
                grown, DeliveryFilter(destinations=to, statuses=statuses, after=tuple(after)), EVERYTHING, (), 51
            )
        for query, values in asked:
            if " from " not in query:
                continue
            for node in nodes(await explained(grown, query, values)):
                if node.get("Relation Name") == "deliveries" and node["Actual Loops"] == 1:
                    assert node["Shared Hit Blocks"] + node["Shared Read Blocks"] <= 3 * SMALL, node


async def test_a_page_looks_at_what_its_caller_may_read(grown: asyncpg.Connection[Any]) -> None:
    """A system and a school get their own deliveries in their first page, however many others come before them."""
    to = await destinations(grown)
    last = await grown.fetchrow("select destination, brin from deliveries order by destination desc, brin desc limit 1")
    assert last is not None
    for scope in (
        DeliveryScope(destinations=frozenset({last["destination"]})),
        DeliveryScope(brins=frozenset({last["brin"]})),
    ):
        page = await read_page(grown, DeliveryFilter(destinations=to), scope, (), 20)
        assert len(page.rows) == 20
        assert all(scope.covers(row.destination, row.brin) for row in page.rows)


def rows_read(node: dict[str, Any]) -> float:
    """Return how many rows a scan read, those that its filter threw away included."""
    thrown = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + thrown) * node["Actual Loops"])


async def explained(c: asyncpg.Connection[Any], query: str, values: Any) -> Any:
    """Return how a statement runs."""
    async with c.transaction():
        await c.execute("set local plan_cache_mode = force_custom_plan")
        await c.execute("set local enable_seqscan = off")  # as in a ledger that is a thousand times as large
        found = await c.fetchval(f"explain (analyze, buffers, format json) {query}", *values)
    return orjson.loads(found)[0]["Plan"]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return a node of a plan with all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)
