"""DUO has a broker of its own: when one of the two hangs, the other goes on, and nothing is lost, in order.

Each is a real Kafka that is stopped in the middle (SIGSTOP: it holds its connections and answers nothing), which is
worse than one that is gone: nobody is told.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from consumers.forwarding import forwarder
from consumers.planning import planner
from producers import delivery_changes, relay
from tests.support.lanes.forwarding import settings_for, until
from tests.support.lanes.ledgers import make_register, record_events
from tests.support.receivers.recording_receivers import events_in, inversions, lanes_of, read_whole
from tests.support.register.subscriptions import assert_books_right
from tests.support.servers.brokers import own_kafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from hub.settings import Settings
    from hub.store.pool import Connection

SCHOOLS, EACH = 30, 2
QUEUE, LOG = "duo.rio.v1", "osr.mandates.v1"
PATIENCE = 120.0


@asynccontextmanager
async def hub(settings: Settings) -> AsyncIterator[None]:
    """Run relay, outbox, planner and forwarder while the block runs."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for run in (relay.run, delivery_changes.run, planner.run, forwarder.run):
            group.create_task(run(settings, stop))
        try:
            yield
        finally:
            stop.set()


@pytest.mark.parametrize("away", ["duo", "ours"])
async def test_while_one_broker_hangs_the_other_goes_on(
    connection: asyncpg.Connection[Any], database: str, away: str
) -> None:
    """While either broker hangs, the other goes on; in the end both have everything in order."""

    async def count(what: str, wanted: int) -> bool:
        return bool(await connection.fetchval(f"select count(*) from {what}") == wanted)  # noqa: S608 - words of this file

    async with AsyncExitStack() as brokers:
        (ours, at_ours), (duo, at_duo) = [await brokers.enter_async_context(own_kafka()) for _ in range(2)]
        named = {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": at_ours, "OSR_HUB_DUO_KAFKA__BOOTSTRAP_SERVERS": at_duo}
        await make_register(connection, SCHOOLS)
        ((_, pid),) = (duo if away == "duo" else ours).pids
        delivered = partial(count, "deliveries where status = 'delivered'")
        async with hub(settings_for(database, named)):
            await record_events(connection, EACH)
            await until(lambda: delivered(SCHOOLS * EACH), within=PATIENCE)
            os.kill(pid, signal.SIGSTOP)
            await record_events(connection, EACH)
            if away == "duo":
                await until(lambda: count("published_events", 2 * SCHOOLS * EACH), within=PATIENCE)
                await until(lambda: count("destinations where circuit <> 'closed'", 1), within=PATIENCE)
            else:
                await until(lambda: delivered(2 * SCHOOLS * EACH), within=PATIENCE)
            os.kill(pid, signal.SIGCONT)
            await until(lambda: delivered(2 * SCHOOLS * EACH), within=PATIENCE)
            await until(lambda: count("event_outbox", 0), within=PATIENCE)
            await until(lambda: count("change_outbox", 0), within=PATIENCE)
        told, logged = [events_in(await read_whole(at, topic)) for at, topic in ((at_duo, QUEUE), (at_ours, LOG))]
    for events in (told, logged):
        assert inversions(events) == []
        assert set(map(tuple, lanes_of(events).values())) == {tuple(range(1, 2 * EACH + 1))}
        assert len(lanes_of(events)) == SCHOOLS
    assert await read_attempts(connection) == []
    await assert_books_right(connection)


async def read_attempts(c: Connection) -> list[Any]:
    """Read what was given up or lost budget because a broker hung: nothing may be."""
    return list(await c.fetch("select * from deliveries where status = 'dead' or attempts > 3"))
