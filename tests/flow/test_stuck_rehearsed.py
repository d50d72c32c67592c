"""Processes that stand still, at a real Prometheus: each is red in the hub's health, its alert fires, and resolves.

The loops are real, and stopped as a bad night stops them. The rules are those that are deployed, made hasty.
"""

from __future__ import annotations

import socket
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from aiokafka import AIOKafkaProducer

from consumers.forwarding.destinations import Destinations
from consumers.planning.planner import Planner
from hub.access import Role
from hub.clock import now
from hub.domain.health import BOUND_SECONDS
from hub.processes import loops
from hub.processes.heartbeat import Heartbeat
from tests.support.api.client import Client, client_of
from tests.support.api.populated_api import serve_app
from tests.support.lanes.forwarding import forwarder, settings_for
from tests.support.lanes.ledger_states import publish
from tests.support.lanes.stuck_processes import TOPIC, has_all, is_blocked, locked, reading_reports, running
from tests.support.observing.prometheus import Monitoring, hasty_rules, prometheus
from tests.support.register.subscriptions import grant, make_register, plan_all
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hub.store.pool import Connection, Pool

pytestmark = pytest.mark.prometheus
STUCK: Final = 'ALERTS{alertname="OsrHubProcessStuck",alertstate="firing"}'
UNREAD: Final = 'ALERTS{alertname="OsrHubUnread",alertstate="firing"}'
SCRAPED: Final = "count_over_time(osr_hub_process_well[20s]) > 3"
LATER: Final = BOUND_SECONDS + 5


class Rehearsal:
    """A hub that is scraped: what its health says of processes, and which alerts fire about them."""

    def __init__(self, it: Monitoring, client: Client) -> None:
        self._it, self._operator = it, client.as_caller(Role.OPERATIONS)

    async def until_firing(self, *processes: str, unread: Sequence[str] = ()) -> None:
        """Wait until alerts fire about these processes and topics, and about no others; health says the same."""

        async def reached() -> bool:
            stuck = {each["metric"]["process"] for each in await self._it.query(STUCK)}
            topics = {each["metric"]["topic"] for each in await self._it.query(UNREAD)}
            red = {
                each["role"] for each in (await self._operator.get("/v1/lag")).json["processes"] if not each["isWell"]
            }
            return stuck == red == set(processes) and topics == set(unread)

        await until(reached, f"alerts about {processes or 'nothing'}")

    async def until_scraped(self) -> None:
        """Wait until there are some numbers of each process."""

        async def scraped() -> bool:
            return len(await self._it.query(SCRAPED)) == len(("produce", "plan", "forward", "reports"))

        await until(scraped, "some scrapes")


def move_clock(patched: pytest.MonkeyPatch) -> None:
    """Let more time pass for all loops than one may take without progress."""
    patched.setattr(loops.here, "clock", lambda: time.monotonic() + LATER)


async def test_each_process_that_stands_still_is_an_alert_and_resolves(
    connection: Connection, database: str, pool: Pool, kafka: str, topics: Mapping[str, str], tmp_path: Path
) -> None:
    """A planner that hangs on a lock, a forwarder that gets no leases, a reader of reports that hears nothing."""
    await make_register(connection)
    await grant(connection, service="RIO")
    await plan_all(connection)
    await publish(connection)
    await connection.execute("update lanes set due = null, held = true")
    client = client_of(tmp_path, pool)
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listening.getsockname()[1]
        await stack.enter_async_context(serve_app(client.app, listening.dup()))
        it = await stack.enter_async_context(prometheus(tmp_path, f"127.0.0.1:{port}", hasty_rules()))
        await stack.enter_async_context(Heartbeat(pool, "produce"))
        planning = await stack.enter_async_context(Heartbeat(pool, "plan"))
        await stack.enter_async_context(running(Planner(pool, planning).sweep()))
        await stack.enter_async_context(forwarder(settings_for(database)))
        broker, _ = await stack.enter_async_context(reading_reports(pool, kafka, topics))
        rehearsal = Rehearsal(it, client)
        await rehearsal.until_scraped()
        await rehearsal.until_firing()
        await _hang_planner(rehearsal, connection, database)
        await _refuse_leases(rehearsal, connection)
        await _deafen(rehearsal, broker, kafka, topics[TOPIC])


async def _hang_planner(rehearsal: Rehearsal, c: Connection, database: str) -> None:
    async with locked(database, "parked_records"):
        await until(lambda: is_blocked(c), "a planner that waits")
        with pytest.MonkeyPatch.context() as patched:
            move_clock(patched)
            await rehearsal.until_firing("plan")
    await rehearsal.until_firing()


async def _refuse_leases(rehearsal: Rehearsal, c: Connection) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Destinations, "permits", lambda _: {})
        await c.execute("update lanes set due = now() - interval '1 minute', held = false where tail > head")
        await rehearsal.until_firing("forward")
        await c.execute("update lanes set due = null, held = true")
    await rehearsal.until_firing()


async def _deafen(rehearsal: Rehearsal, broker: Any, kafka: str, topic: str) -> None:
    consumer = next(iter(broker.subscribers)).consumer
    await until(lambda: has_all(consumer, topic), "all partitions")
    consumer.pause(*consumer.assignment())
    written = int((now() - timedelta(minutes=1)).timestamp() * 1000)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, b"{}", partition=3, timestamp_ms=written)
    await rehearsal.until_firing("reports", unread=[topic])
    consumer.resume(*consumer.assignment())
    await rehearsal.until_firing()
