"""DUO in a test: reads all topics from now on, keeps messages in order, and reports on those of DUO's queues.

In: a broker. Out: arrivals per topic, and a report `processed` for each message of a queue.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from schemas.cloudevents import KAFKA_HEADERS
from schemas.topics import PARTITIONS
from tests.support.receivers.recording_receivers import DUO_QUEUES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOG: Final = "osr.mandates.v1"
CHANGES: Final = "osr.deliveries.v1"
REPORTS: Final = "duo.reports.v1"
READERS: Final = "osr-hub.reports"


class BackOffice:
    """The events of each topic, in the order of arrival."""

    def __init__(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, admin: AIOKafkaAdminClient) -> None:
        self._consumer = consumer
        self._producer = producer
        self._admin = admin
        self._read: dict[TopicPartition, int] = {}
        self.came: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._unreported: list[dict[str, Any]] = []
        self.reported = 0
        self.is_silent = False

    async def begin(self) -> None:
        """Seek to the ends of all topics."""
        places = [TopicPartition(topic, n) for topic in (LOG, CHANGES, *DUO_QUEUES) for n in range(PARTITIONS)]
        self._consumer.assign(places)
        self._read = await self._consumer.end_offsets(places)
        for place, end in self._read.items():
            self._consumer.seek(place, end)

    async def work(self) -> None:
        """Read and report until cancelled."""
        while True:
            for place, records in (await self._consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    event = orjson.loads(record.value)
                    self.came[place.topic].append(event)
                    if place.topic in DUO_QUEUES:
                        self._unreported.append(event)
                    self._read[place] = record.offset + 1
            while self._unreported and not self.is_silent:
                await self._producer.send_and_wait(REPORTS, _report(self._unreported[0]), headers=list(KAFKA_HEADERS))
                self._unreported.pop(0)
                self.reported += 1

    async def has_read_all(self) -> bool:
        """Return whether everything on the topics has been read here, and each report by the hub."""
        ends = await self._consumer.end_offsets(list(self._read))
        return self._read == ends and await self._reports_are_read()

    async def _reports_are_read(self) -> bool:
        taken = await self._admin.list_consumer_group_offsets(READERS)
        ends = await self._consumer.end_offsets([TopicPartition(REPORTS, n) for n in range(PARTITIONS)])
        return all(place in taken and taken[place].offset >= end for place, end in ends.items() if end)


@asynccontextmanager
async def back_office(bootstrap: str) -> AsyncIterator[BackOffice]:
    """Read and report while the context lasts; skip what the topics already have."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, metadata_max_age_ms=1000)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    parts = (consumer, producer, admin)
    for part in parts:
        await part.start()
    office = BackOffice(*parts)
    await office.begin()
    working = asyncio.create_task(office.work())
    try:
        yield office
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await producer.stop()
        await consumer.stop()
        await admin.close()


def _report(event: dict[str, Any]) -> bytes:
    data = {"deliveryId": event["id"], "status": "processed", "reportedAt": datetime.now(UTC).isoformat()}
    envelope = {"specversion": "1.0", "id": str(uuid4()), "source": "urn:test:duo", "type": "nl.osr.report.v1"}
    return orjson.dumps({**envelope, "data": data})
