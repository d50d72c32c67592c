"""How a batch of records comes from FastStream to its handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.to_thread
from aiokafka import ConsumerRecord
from faststream.kafka import TestKafkaBroker

from hub.kafka.broker import Batch, Reading, batch_subscriber, make_broker

if TYPE_CHECKING:
    import pytest
    from faststream.kafka import KafkaMessage


async def test_a_batch_comes_without_a_detour_through_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastStream would find the arguments of a handler in a pool of threads, once for each batch."""
    threads: list[object] = []

    async def run_sync(function: object, *_: object, **__: object) -> None:
        threads.append(function)

    async def read_keys(message: KafkaMessage) -> list[bytes]:
        return [record.key for record in message.raw_message]

    async def handle(batch: Batch) -> None:
        got.append(batch)

    got: list[Batch] = []
    record: Any = ConsumerRecord("osr.mandates.v1", 3, 7, 1_790_000_000_000, 0, b"18DS", b"{}", None, 4, 2, ())
    broker = make_broker({"bootstrap_servers": "127.0.0.1:1"})
    subscriber: Any = batch_subscriber(
        broker, "osr.mandates.v1", Reading(group="g", instance=None, most_records=9), read_keys
    )
    subscriber(handle)
    async with TestKafkaBroker(broker):
        monkeypatch.setattr(anyio.to_thread, "run_sync", run_sync)
        await subscriber.process_message((record,))
    assert [(batch.content, batch.records) for batch in got] == [([b"18DS"], (record,))]
    assert threads == []
