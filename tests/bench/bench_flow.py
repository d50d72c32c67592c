"""How fast the flow is, on this machine, everything on it: prints a table. `make bench`.

"Change" is an event recorded in the database. Loader and receiver are not counted; broker and database are.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import orjson
import pytest
from rich.console import Console
from rich.table import Table

from tests.support.lanes.ledgers import make_register, record_events
from tests.support.receivers import raw_http
from tests.support.servers.stacks import running_stack, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.servers.stacks import RunningStack

LAS: Final = "00000099000000001000"
SCHOOLS: Final = 3000
EACH: Final = 10
RATES: Final = {5: 10, 50: 6, 200: 6}
TICKS: Final = os.sysconf("SC_CLK_TCK")

ONE = """
with s as (update schools set counter = counter + 1 where brin = $1 returning brin, counter),
 e as (insert into events select s.brin, s.counter, clock_timestamp(),
         overlay(overlay(replace(gen_random_uuid()::text, '-', '')
           placing lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') from 1)
           placing '7' from 13)::uuid, p.mandate_id, s.counter, 'amended',
         replace(p.units::text, 'granted', 'amended')::jsonb, p.body
       from s join events p on p.brin = s.brin and p.number = s.counter - 1 returning brin, number)
insert into event_outbox (brin, number) select brin, number from e returning number
"""

HOPS = """
select percentile_cont(0.5) within group (order by extract(epoch from published_at - recorded_at) * 1000),
       percentile_cont(0.5) within group (order by extract(epoch from planned_at - published_at) * 1000),
       percentile_cont(0.5) within group (order by extract(epoch from delivered_at - planned_at) * 1000)
  from (select d.*, e.recorded_at from deliveries d join events e on e.brin = d.brin and e.number = d.event_number
         order by d.planned_at desc limit $1) last
"""
"""The median of each hop of the last deliveries, in milliseconds."""


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[RunningStack]:
    """A stack without simulators, a register of schools, and a receiver in a process of its own that subscribed."""
    folder = Path("/var/tmp") / f"osr-hub-bench-{os.getpid()}"  # noqa: S108 - a disk; `/tmp` may be memory
    async with running_stack(folder, "--without-simulators", "--fresh") as it:
        yield it


@pytest.fixture(scope="module")
async def ledger(stack: RunningStack) -> AsyncIterator[asyncpg.Connection[Any]]:
    """The stack's database, with schools that mandated one system."""
    c = await asyncpg.connect(stack.connection["databaseDsn"])
    await make_register(c, SCHOOLS, "VVA")
    yield c
    await c.close()


@pytest.fixture(scope="module")
async def sink(stack: RunningStack, ledger: asyncpg.Connection[Any]) -> AsyncIterator[str]:
    """The receiver's address."""
    port = 20000 + os.getpid() % 10000
    process = await raw_http.start("tests.bench.sink", port)
    url = f"http://127.0.0.1:{port}"
    token = await stack.token("las", "--oin", LAS)
    wish = {"url": f"{url}/hook", "services": ["VVA"], "reports": False}

    async def subscribed() -> bool:
        try:
            await stack.call("POST", "/subscriptions", wish, token=token)
        except AssertionError:
            return False
        return True

    await until(subscribed, "the receiver is there", within=60)
    await record_events(ledger, 1)
    await ledger.execute("notify osr_events")
    await _delivered(ledger, SCHOOLS)
    yield url
    process.kill()
    await process.wait()


async def arrivals(stack: RunningStack, url: str) -> list[tuple[str, int, float]]:
    """Take what the receiver has noted."""
    response = await stack.client.get(f"{url}/report").build().send()
    return [tuple(one) for one in orjson.loads(bytes(await response.bytes()))]


def cpu_seconds(stack: RunningStack) -> dict[str, float]:
    """Read how much each process has used, children included."""
    return {one["name"]: sum(map(_used, _family(one["pid"]))) for one in stack.connection["processes"]}


def _family(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split() if children.exists() else ():
        yield from _family(int(child))


def _used(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def show(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print one table."""
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


async def test_webhooks_sustained(stack: RunningStack, ledger: asyncpg.Connection[Any], sink: str) -> None:
    """Changes of 3,000 schools to one webhook, and what they cost."""
    await arrivals(stack, sink)
    await _race(stack, ledger, "webhooks")
    got = await arrivals(stack, sink)
    assert len(got) >= SCHOOLS * EACH
    assert _inversions(got) == 0


async def test_latency(stack: RunningStack, ledger: asyncpg.Connection[Any], sink: str) -> None:
    """From the commit of one change to its webhook, at several rates."""
    rows = []
    brins = [row["brin"] for row in await ledger.fetch("select brin from schools order by md5(brin) limit 500")]
    for rate, seconds in RATES.items():
        await arrivals(stack, sink)
        before = await ledger.fetchval("select count(*) from deliveries where delivered_at is not null")
        committed = await _drip(ledger, brins, rate, seconds)
        await _delivered(ledger, before + len(committed))
        lags = sorted((at - committed[brin, n]) * 1000 for brin, n, at in await arrivals(stack, sink))
        told = [f"{lags[int(p * (len(lags) - 1))]:.1f}" for p in (0.5, 0.95, 0.99, 1)]
        hops = await ledger.fetchrow(HOPS, len(committed))
        rows.append([f"{rate}/s", *told, *(f"{ms:.1f}" for ms in hops or ())])
    show("commit to webhook, ms", ["changes", "p50", "p95", "p99", "max", "publish", "plan", "transport"], rows)


async def test_queue_sustained(stack: RunningStack, ledger: asyncpg.Connection[Any]) -> None:
    """The same changes to a queue of DUO."""
    await ledger.execute("update mandates set service_code = 'RIO'")
    await _race(stack, ledger, "duo:rio")


async def _race(stack: RunningStack, c: asyncpg.Connection[Any], name: str) -> None:
    before = await c.fetchval("select count(*) from deliveries where delivered_at is not null")
    used, wal = cpu_seconds(stack), await c.fetchval("select pg_current_wal_lsn()")
    began = time.monotonic()
    await record_events(c, EACH)
    await c.execute("notify osr_events")
    loaded = time.monotonic() - began
    await _delivered(c, before + SCHOOLS * EACH)
    took = time.monotonic() - began
    n = SCHOOLS * EACH
    spent = {who: seconds - used.get(who, 0) for who, seconds in cpu_seconds(stack).items()}
    written = await c.fetchval("select pg_wal_lsn_diff(pg_current_wal_lsn(), $1)::float", wal)
    rows = [
        ["deliveries", f"{n}"], ["recorded in", f"{loaded:.2f} s"], ["delivered and settled in", f"{took:.2f} s"],
        ["per second", f"{n / took:,.0f}"], ["CPU s per 1,000", f"{sum(spent.values()) / n * 1000:.3f}"],
        *([f"  {who}", f"{seconds / n * 1000:.3f}"] for who, seconds in spent.items() if seconds),
        ["WAL bytes per delivery, full pages included", f"{written / n:,.0f}"],
    ]  # fmt: skip
    show(f"{name}: sustained", ["", ""], rows)


async def _drip(c: asyncpg.Connection[Any], brins: list[str], rate: int, seconds: int) -> dict[tuple[str, int], float]:
    committed: dict[tuple[str, int], float] = {}
    began = time.monotonic()
    for i in range(rate * seconds):
        await asyncio.sleep(max(0.0, began + i / rate - time.monotonic()))
        brin = brins[i % len(brins)]
        number = await c.fetchval(ONE, brin)
        committed[brin, number] = time.time()
        await c.execute("notify osr_events")
    return committed


async def _delivered(c: asyncpg.Connection[Any], n: int) -> None:
    async def all_of_them() -> bool:
        return bool(await c.fetchval("select count(*) >= $1 from deliveries where delivered_at is not null", n))

    await until(all_of_them, f"{n} delivered", within=60, look=0.05)


def _inversions(got: list[tuple[str, int, float]]) -> int:
    highest: dict[str, int] = {}
    inverted = 0
    for brin, number, _ in got:
        inverted += number < highest.get(brin, 0) - 1
        highest[brin] = max(number, highest.get(brin, 0))
    return inverted
