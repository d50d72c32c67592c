"""How long recovery takes. In: a stack's database, and a fault. Out: seconds."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from hub import register
from hub.clock import now
from hub.register import moment
from hub.store.pool import DATABASE_ERRORS
from schemas.identifiers import Brin, Oin, ServiceCode
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.support.servers.stacks import RunningStack

MOVING_SECONDS: Final = 120.0
OWNED: Final = """
select x.destination, x.brin, x.head, x.owner from lanes x join processes p on p.id = x.owner
 where p.role = 'forward' and p.pid = $1 and p.heartbeat_at > clock_timestamp() - interval '10 seconds'"""


async def query_value(dsn: str, question: str, *args: Any) -> Any:
    """Return one value from a database that may be away; None while it is."""
    with suppress(*DATABASE_ERRORS):
        c = await asyncpg.connect(dsn, timeout=5)
        try:
            return await c.fetchval(question, *args, timeout=60)
        finally:
            c.terminate()
    return None


async def until_lanes_move(c: asyncpg.Connection[Any], pid: int, kill: Callable[[], None]) -> tuple[int, list[float]]:
    """Kill a forwarder while it has lanes, and return how many it had.

    Return also after how many seconds others had them all, and the first, half and all of them had advanced. A lane
    whose request may still be open waits until that has timed out.
    """

    async def has_lanes() -> bool:
        return bool(await c.fetch(OWNED, pid))

    await until(has_lanes, "the forwarder has lanes", within=MOVING_SECONDS, look=0.001)
    kill()
    began = time.monotonic()
    owned = await c.fetch(OWNED, pid)
    dead = [row["owner"] for row in owned]

    async def freed() -> bool:
        return not await c.fetchval("select exists (select from lanes where owner = any($1))", dead)

    await until(freed, "others have the lanes of a dead forwarder", within=MOVING_SECONDS, look=0.01)
    passed = [time.monotonic() - began]
    columns = [[row[n] for row in owned] for n in range(3)]
    marks = [len(owned), len(owned) - 1, len(owned) // 2, 0]

    async def moved() -> bool:
        left = await c.fetchval(
            """select count(*) from unnest($1::smallint[], $2::text[], $3::bigint[]) k (destination, brin, head)
                 join lanes x using (destination, brin) where x.head <= k.head and x.tail > x.head""",
            *columns,
        )
        passed.extend([time.monotonic() - began] * sum(left <= mark for mark in marks[len(passed) :]))
        return not left

    await until(moved, f"{len(owned)} lanes of a dead forwarder move on", within=MOVING_SECONDS, look=0.01)
    return len(owned), passed


async def until_over_a_wiped_broker(
    stack: RunningStack, c: asyncpg.Connection[Any], brin: str, supplier: str, year: int
) -> float:
    """Remove the broker's folder; return after how many seconds a new change was taken."""
    began, old = time.monotonic(), stack.pid("kafka")
    await asyncio.to_thread(shutil.rmtree, stack.data / "kafka", ignore_errors=True)

    async def is_gone() -> bool:
        return stack.pid("kafka") != old

    await until(is_gone, "the broker without a folder is gone", within=MOVING_SECONDS, look=0.02)
    await _until_a_change_arrives(c, brin, supplier, year)
    return time.monotonic() - began


async def _until_a_change_arrives(c: asyncpg.Connection[Any], brin: str, supplier: str, year: int) -> None:
    """Grant two mandates, for DUO and for the system itself, and wait until both messages were taken."""
    granted = [await _grant(c, brin, service, supplier, year) for service in ("RIO", "VVA")]
    await c.execute("notify osr_events")

    async def arrived() -> bool:
        taken = await c.fetchval(
            """select count(distinct e.mandate_id) from deliveries d join events e on e.brin = d.brin
                  and e.number = d.event_number where e.mandate_id = any($1) and d.delivered_at is not null""",
            granted,
        )
        return bool(taken == len(granted))

    await until(arrived, "a change arrives", within=MOVING_SECONDS, look=0.01)


async def _grant(c: asyncpg.Connection[Any], brin: str, service: str, supplier: str, year: int) -> UUID:
    wish = register.GrantRequest(
        brin=Brin(brin),
        service_code=ServiceCode(service),
        supplier_oin=Oin(supplier),
        start_date=date(year, 8, 1),
        end_date=date(year + 1, 7, 31),
        branches=(),
    )
    async with c.transaction():
        return (await register.grant(c, wish, moment(now()))).mandate.id
