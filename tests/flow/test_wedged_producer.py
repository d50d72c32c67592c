"""A Kafka producer that cannot be used any more is replaced, and its records are sent again in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import OutOfOrderSequenceNumber

from hub.kafka import batches
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.lanes.many_systems import make_crowd
from tests.support.receivers.recording_receivers import events_in, inversions, read_whole
from tests.support.register.subscriptions import assert_books_right

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.pool import Connection

SCHOOLS = 12


class Wedged(AIOKafkaProducer):  # type: ignore[misc]
    """A producer whose first life ends badly: what it sends arrives, and its answer does not."""

    made = 0
    hangs = False

    async def start(self) -> None:
        """Count it."""
        Wedged.made += 1
        self.is_wedged = Wedged.made == 1
        await super().start()

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Any:
        """Send it, and answer as a producer that is wedged."""
        taken = await super().send_batch(batch, topic, partition=partition)
        if not self.is_wedged:
            return taken
        await taken
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not Wedged.hangs:
            answer.set_exception(OutOfOrderSequenceNumber())
        return answer


async def tell_duo(c: Connection, topic: str) -> None:
    """Plan a message for each school at one of DUO's queues."""
    await make_crowd(c, 1, SCHOOLS)
    await c.execute("update destinations set topic = $1 where name = 'duo:rio'", topic)
    await c.execute(
        """with planned as (
             insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
             select m.brin, n, now(), gen_random_uuid(), m.id, n, 'amended',
                    jsonb_build_array(jsonb_build_object('branch', '', 'type', 'amended', 'routing', null,
                                                         'covers', array[m.brin || '00'])), '{}'
               from mandates m cross join generate_series(1, 5) n returning brin, number, id, recorded_at)
           insert into deliveries (destination, brin, sequence, event_number, id, type, expects_report, planned_at)
           select d.id, p.brin, p.number, p.number, gen_random_uuid(), 'amended', true, p.recorded_at
             from planned p join destinations d on d.name = 'duo:rio';
           insert into lanes (destination, brin, tail, due)
           select destination, brin, max(sequence), now() from deliveries group by destination, brin;
           insert into tallies select 0, destination, 'waiting', true, count(*) from deliveries group by destination"""
    )


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_wedged_producer_is_replaced(
    connection: Connection,
    database: str,
    kafka: str,
    topics: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    hangs: bool,  # noqa: FBT001 - one of two ways to be wedged
) -> None:
    """A producer with broken sequence numbers or a hung connection is replaced without loss or reordering."""
    monkeypatch.setattr(batches, "AIOKafkaProducer", Wedged)
    monkeypatch.setattr(batches, "BATCH_TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(Wedged, "made", 0)
    monkeypatch.setattr(Wedged, "hangs", hangs)
    await tell_duo(connection, topics["duo.rio.v1"])

    async def is_delivered() -> bool:
        return bool(await connection.fetchval("select bool_and(status = 'delivered') from deliveries"))

    async with forwarder(settings_for(database, {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": kafka})):
        await until(is_delivered, within=60)
    assert Wedged.made > 1
    told = events_in(await read_whole(kafka, topics["duo.rio.v1"]))
    assert len({event["id"] for event in told}) == SCHOOLS * 5
    assert inversions(told) == []
    assert await connection.fetchval("select max(attempts) from deliveries") == 1
    assert await connection.fetchval("select circuit from destinations where name = 'duo:rio'") == "closed"
    await assert_books_right(connection)


class Stuck:
    """A producer whose end waits for what will never be."""

    def __init__(self) -> None:
        self.is_closed = False
        self.client = self
        self._sender = self
        self.sender_task = asyncio.create_task(asyncio.Event().wait())

    async def stop(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Close the connections."""
        self.is_closed = True


async def test_a_producer_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replaced producer sends nothing later in the background."""
    monkeypatch.setattr(batches, "STOP_TIMEOUT_SECONDS", 0.1)
    stuck = Stuck()
    await asyncio.wait_for(batches.stop_producer(stuck), 10)
    assert stuck.is_closed
    assert stuck.sender_task.cancelled()
