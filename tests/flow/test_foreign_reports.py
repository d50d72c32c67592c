"""Records on DUO's topic of reports apply to DUO's deliveries only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from hub.access.actor import Actor
from hub.clock import now
from hub.domain.ids import delivery_id
from hub.errors import Conflict
from hub.operations import controls
from tests.flow.test_queues import reader
from tests.support.lanes.forwarding import until
from tests.support.operators import operator
from tests.support.receivers.hostile_records import REPORT, STRUCTURED
from tests.support.register.subscriptions import assert_books_right, grant, make_register, plan_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from hub.store.pool import Connection, Pool

TOPIC = "duo.reports.v1"
MANY_PARKED = """
insert into parked_records
  (topic, partition, "offset", headers, bytes, digest, reason, blame, detail, delivery_id, received_at)
select 't', 0, n, '[]', $1, sha256(n::text::bytea), 'unknown_delivery', 'sender', '', $2, now()
  from generate_series(1, 600) n"""
OPEN = "select count(*) from parked_records where state = 'open' and reason = 'unknown_delivery'"


def foreign(**named: object) -> bytes:
    """Write the report that a stranger to the delivery puts on DUO's topic."""
    data = {"status": "activated", "reportedAt": now().isoformat(), **named}
    return orjson.dumps({**REPORT, "data": data})


@pytest.fixture
async def waiting(connection: Connection) -> UUID:
    """The id of a delivery for VVA that waits for its system."""
    await make_register(connection)
    await grant(connection, service="VVA")
    await plan_all(connection)
    delivery: UUID = await connection.fetchval("select id from deliveries")
    return delivery


async def test_duo_cannot_report_on_a_delivery_to_a_system(
    connection: Connection, waiting: UUID, pool: Pool, kafka: str, topics: Mapping[str, str]
) -> None:
    """A record about a system's delivery is parked as `unknown_delivery`, by id and by mandate, also when retried."""
    mandate = await connection.fetchval("select id from mandates")
    values = [foreign(deliveryId=str(waiting)), foreign(mandateId=str(mandate), mandateVersion=1)]
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer, reader(pool, kafka, topics):
        for value in values:
            await producer.send_and_wait(topics[TOPIC], value, headers=STRUCTURED, partition=0)
        await until(lambda: _is(connection, OPEN, len(values)))
        own = await _grant_to_duo(connection)
        await producer.send_and_wait(topics[TOPIC], foreign(deliveryId=str(own)), headers=STRUCTURED, partition=0)
        await until(lambda: _is(connection, OPEN, len(values) + 1))
        await plan_all(connection)
        await until(lambda: _is(connection, "select count(*) from parked_records where state = 'retried'", 1))
    for row in await connection.fetch("select id from parked_records where state = 'open'"):
        with pytest.raises(Conflict, match="still unknown"):
            async with connection.transaction():
                await controls.retry(
                    connection, row["id"], Actor(caller=operator("somebody"), at=now(), reason="try"), 9
                )
    assert await connection.fetchval("select status::text from deliveries where id = $1", waiting) == "waiting"
    assert await _is(connection, OPEN, len(values))
    await assert_books_right(connection)


async def test_a_report_that_waits_in_vain_keeps_no_other_waiting(
    connection: Connection, waiting: UUID, pool: Pool, kafka: str, topics: Mapping[str, str]
) -> None:
    """Hundreds of parked records do not delay the one whose delivery appears."""
    await connection.execute(MANY_PARKED, foreign(deliveryId=str(waiting)), waiting)
    own = await _grant_to_duo(connection)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer, reader(pool, kafka, topics):
        await producer.send_and_wait(topics[TOPIC], foreign(deliveryId=str(own)), headers=STRUCTURED, partition=0)
        await until(lambda: _is(connection, OPEN, 601))
        await plan_all(connection)
        await until(lambda: _is(connection, OPEN, 600))


async def _grant_to_duo(c: Connection) -> UUID:
    """Grant a mandate for RIO and return the id that its delivery gets."""
    mandate = await grant(c, service="RIO")
    event = await c.fetchval("select id from events where mandate_id = $1", mandate.id)
    return delivery_id(event, "duo:rio", "")


async def _is(c: Connection, question: str, wanted: int) -> bool:
    return bool(await c.fetchval(question) == wanted)
