"""Reports read after the backup are read again by a restored database, once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from consumers.reporting import reader as reports
from hub.kafka.broker import make_broker
from hub.observe.books import check_ledger
from hub.processes.heartbeat import Heartbeat
from hub.store.pool import open_pool
from schemas.cloudevents import KAFKA_HEADERS
from tests.support.receivers.recording_receivers import events_in, read_whole
from tests.support.register.small_register import BRIN, RIO
from tests.support.servers.hubs import QUEUE, HubUnderTest, backup, create_hub, set_end_date

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

REPORTS = "duo.reports.v1"
HEADERS = list(KAFKA_HEADERS)
UNANSWERED = """
select count(*) from deliveries d join destinations x on x.id = d.destination
 where x.name = 'duo:rio' and d.status not in ('processed', 'superseded')
"""
SECOND_UNANSWERED = """
select 2 - count(*) from deliveries d join events e on e.brin = d.brin and e.number = d.event_number
 where d.status = 'processed' and e.mandate_version = 2
"""


@pytest.fixture
async def hub(database: str, kafka: str, topics: Mapping[str, str]) -> AsyncIterator[HubUnderTest]:
    """A hub with a few schools and mandates, their messages at DUO."""
    hub = await create_hub(database, kafka, topics)
    await hub.deliver()
    yield hub
    await hub.c.close()


@asynccontextmanager
async def reader(hub: HubUnderTest) -> AsyncIterator[None]:
    """Read reports into a hub's database."""
    broker = make_broker({"bootstrap_servers": hub.kafka})
    pool = await open_pool(hub.dsn, name="test")
    async with Heartbeat(pool, "reports") as heartbeat:
        it = reports.ReportReader(pool, heartbeat)
        reports.subscribe(broker, it, None, hub.topics[REPORTS])
        await broker.start()
        chore = asyncio.create_task(it.work())
        try:
            yield
        finally:
            chore.cancel()
            await asyncio.gather(chore, return_exceptions=True)
            await broker.stop()
    await pool.close()


async def report(hub: HubUnderTest, seen: set[str]) -> None:
    """Let DUO report on what it has not reported on yet."""
    async with AIOKafkaProducer(bootstrap_servers=hub.kafka) as producer:
        for event in events_in(await read_whole(hub.kafka, hub.topics[QUEUE])):
            if event["id"] not in seen:
                seen.add(event["id"])
                data = {"deliveryId": event["id"], "status": "processed", "reportedAt": datetime.now(UTC).isoformat()}
                await producer.send_and_wait(hub.topics[REPORTS], _written(data), partition=1, headers=HEADERS)


def _written(data: dict[str, str]) -> bytes:
    return orjson.dumps(
        {"specversion": "1.0", "id": str(uuid4()), "source": "urn:duo", "type": "nl.osr.report.v1", "data": data}
    )


async def test_reports_after_the_backup_come_back(hub: HubUnderTest) -> None:
    """The reader rewinds to the offsets of the restored database, and parks no report twice."""
    reported: set[str] = set()
    await report(hub, reported)
    async with reader(hub):
        await hub.settled(UNANSWERED)
    async with backup(hub) as restore:
        await set_end_date(hub.c, BRIN, RIO)
        await hub.deliver()
        await report(hub, reported)
        async with reader(hub):
            await hub.settled(UNANSWERED)
        restored = await restore()
        await restored.recover()
        await restored.deliver()
        assert await restored.c.fetchval(UNANSWERED) > 0
        await set_end_date(restored.c, BRIN, RIO, days=50)
        await restored.deliver()
        await report(restored, reported)
        async with reader(restored):
            await restored.settled(SECOND_UNANSWERED)
        assert await restored.c.fetchval("select count(*) from reports") == 0
        assert (await check_ledger(restored.c, datetime.now(UTC))).violations == []
