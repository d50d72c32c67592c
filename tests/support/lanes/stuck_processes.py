"""Real loops of processes, and what makes them stand still. In: a database, a broker. Out: loops to be stopped."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from consumers.reporting import reader as reading
from hub.kafka.broker import make_broker
from hub.kafka.consumer import close_broker
from hub.processes import loops
from hub.processes.heartbeat import Heartbeat
from hub.processes.unread import count_unread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.kafka.consumer import WaitingBroker
    from hub.store.pool import Connection, Pool

TOPIC: Final = "duo.reports.v1"
ONE_BLOCKED = (
    "select count(*) > 0 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
)


@asynccontextmanager
async def locked(database: str, table: str) -> AsyncIterator[None]:
    """Keep everybody from locking or writing rows of a table; they can be read."""
    c = await asyncpg.connect(database)
    try:
        async with c.transaction():
            await c.execute(f"lock table {table} in exclusive mode")
            yield
    finally:
        await c.close()


@asynccontextmanager
async def running(*chores: Any) -> AsyncIterator[None]:
    """Run chores while the block runs."""
    tasks = [asyncio.create_task(chore) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def reading_reports(
    pool: Pool, kafka: str, topics: Mapping[str, str]
) -> AsyncIterator[tuple[WaitingBroker, Heartbeat]]:
    """Run a reader of reports as its process does, with the count of what is unread."""
    options = {"bootstrap_servers": kafka}
    async with Heartbeat(pool, "reports") as heartbeat:
        broker = make_broker(options, lambda: loops.moved("reports.read"))
        reading.subscribe(broker, reading.ReportReader(pool, heartbeat), None, topics[TOPIC])
        await broker.start()
        counting = count_unread(pool, options, reading.GROUP, topics[TOPIC], "reports.unread")
        try:
            async with running(counting):
                yield broker, heartbeat
        finally:
            await close_broker(broker)


async def is_blocked(c: Connection) -> bool:
    """Return whether somebody waits for a lock."""
    return bool(await c.fetchval(ONE_BLOCKED))


async def has_all(consumer: Any, topic: str) -> bool:
    """Return whether a consumer has all partitions of a topic."""
    return len(consumer.assignment()) == len(consumer.partitions_for_topic(topic) or "none yet")
