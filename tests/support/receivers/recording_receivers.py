"""Independent receivers: a LAS of the test's own and a plain reader of DUO's queues, and checks of what they got.

In: messages as they arrived. Out: their order, with gaps and inversions. Repeats of an id are legal and skipped.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from schemas.topics import PARTITIONS
from tests.support.receivers.receiver import ReceivedRequest, reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aiokafka.structs import ConsumerRecord

DUO_QUEUES: Final = ("duo.bron-po.v1", "duo.verzuim.v1", "duo.rio.v1")
START_SECONDS: Final = 90.0
AGAIN_SECONDS: Final = 0.2

Event = dict[str, Any]


def accept_all(got: ReceivedRequest) -> bytes:
    """Answer as a well-behaved LAS: yes to the handshake, 204 to a message."""
    if got.method == "OPTIONS":
        return reply(200, webhook_allowed_origin="*")
    return b"HTTP/1.1 204 No Content\r\n\r\n"


def messages(got: Iterable[ReceivedRequest], brin: str | None = None) -> list[Event]:
    """Return the events among the requests, in order of arrival, of one school where one is given."""
    events = [orjson.loads(one.body) for one in got if one.method == "POST"]
    return [event for event in events if brin in (None, event["partitionkey"])]


def first_arrivals(events: Iterable[Event]) -> Iterator[Event]:
    """Yield each event once, without repeats."""
    seen: set[str] = set()
    for event in events:
        if event["id"] not in seen:
            seen.add(event["id"])
            yield event


def lanes_of(events: Iterable[Event]) -> Mapping[str, list[int]]:
    """Return, per school, the numbers of its messages in the order in which they first arrived (at one destination)."""
    lanes: dict[str, list[int]] = defaultdict(list)
    for event in first_arrivals(events):
        lanes[event["partitionkey"]].append(int(event["sequence"]))
    return lanes


def inversions(events: Iterable[Event]) -> list[str]:
    """Return each message that first arrived after a later one of its lane."""
    return [
        f"{brin}: {later} before {earlier}"
        for brin, numbers in lanes_of(events).items()
        for later, earlier in pairwise(numbers)
        if later >= earlier
    ]


def gaps(events: Sequence[Event]) -> list[str]:
    """Return each message whose `previoussequence` never arrived before it."""
    missing, highest = [], defaultdict[str, int](int)
    for event in first_arrivals(events):
        brin, previous = event["partitionkey"], int(event.get("previoussequence", "0"))
        if previous > highest[brin]:
            missing.append(f"{brin}: {previous} is missing before {event['sequence']}")
        highest[brin] = max(highest[brin], int(event["sequence"]))
    return missing


async def read_whole(
    bootstrap: str, topic: str, security: Mapping[str, str] | None = None
) -> list[ConsumerRecord[Any, Any]]:
    """Return all records of a topic, partition by partition, without a group."""
    reader = await _start_reader(bootstrap, security or {})
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        ends = await reader.end_offsets(places)
        records: list[ConsumerRecord[Any, Any]] = []
        while any([await reader.position(place) < ends[place] for place in places]):
            for found in (await reader.getmany(timeout_ms=500)).values():
                records.extend(found)
        return records
    finally:
        await reader.stop()


async def _start_reader(bootstrap: str, security: Mapping[str, str]) -> AIOKafkaConsumer:
    """Start a reader; wait for a broker that is restarting."""
    began = time.monotonic()
    while True:
        reader = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            **security,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            metadata_max_age_ms=1000,
        )
        try:
            await reader.start()
        except KafkaError:
            await reader.stop()
            if time.monotonic() - began > START_SECONDS:
                raise
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            return reader


def events_in(records: Iterable[ConsumerRecord[Any, Any]]) -> list[Event]:
    """Return the events of records, in their order."""
    return [orjson.loads(record.value) for record in records]
