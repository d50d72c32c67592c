"""The forwarder with a system's webhook: order, rate, and the effect of answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from consumers.forwarding import forwarder
from hub.settings import Settings, load
from hub.store import subscriptions
from hub.store.notifications import notify
from hub.subscribe import activate
from tests.support.receivers.receiver import ReceivedRequest, receiver, reply
from tests.support.register.subscriptions import (
    BRINS,
    KEYS,
    LAS,
    NOW,
    assert_books_right,
    grant,
    lane,
    make_register,
    plan_all,
    removed,
    subscribed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from hub.store.pool import Connection
    from tests.support.receivers.receiver import Receiver

WEBHOOK = f"las:{LAS}"


@pytest.fixture
def settings(database: str) -> Settings:
    """Make the settings of a forwarder; DUO's broker is named and never called."""
    return load(
        {
            "OSR_HUB_DATABASE__DSN": database,
            "OSR_HUB_OIN": "00000099000000009000",
            "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "OSR_HUB_SECRETS__KEYS": KEYS[0].get_secret_value(),
            "OSR_HUB_WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8",
            "OSR_HUB_WEBHOOK__TIMEOUT_SECONDS": "1",
        }
    )


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Make a register."""
    await make_register(connection)
    return connection


@pytest.fixture
async def las() -> AsyncIterator[Receiver]:
    """Run a receiver that takes everything."""
    async with receiver() as it:
        yield it


@contextlib.asynccontextmanager
async def forwarding(settings: Settings) -> AsyncIterator[None]:
    """Run a forwarder."""
    stop = asyncio.Event()
    task = asyncio.create_task(forwarder.run(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(90):
        while not await condition():
            await asyncio.sleep(0.02)


async def grant_many(c: Connection, count: int) -> None:
    """Plan a lane of many deliveries: routing is given to one branch and taken away, again and again."""
    mandate = await grant(c)
    await plan_all(c)
    await c.execute(
        """
        with more as (
          insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
          select e.brin, e.number + n, e.recorded_at, gen_random_uuid(), e.mandate_id, e.mandate_version + n, 'amended',
                 replace(e.units::text, 'granted', 'amended')::jsonb, e.body
            from events e cross join generate_series(1, $2) n where e.mandate_id = $1
          returning number)
        update schools set counter = (select max(number) from more) where brin = '18DS'
        """,
        mandate.id,
        count - 1,
    )
    await plan_all(c)


def sequences(las: Receiver) -> dict[str, list[int]]:
    """Give the numbers that came, per school, in the order in which they came."""
    came: dict[str, list[int]] = defaultdict(list)
    for got in las.got:
        event: dict[str, Any] = json.loads(got.body)
        came[event["partitionkey"]].append(int(event["sequence"]))
    return came


async def settled(c: Connection) -> bool:
    """Say whether nothing waits any more."""
    return bool(await c.fetchval("select bool_and(head = tail) from lanes"))


async def test_a_backlog_arrives_in_order_and_is_settled(settings: Settings, c: Connection, las: Receiver) -> None:
    """A backlog of both lanes arrives once and in order, each message naming the one before."""
    await subscribed(c, url=las.url)
    await grant(c, BRINS[0])
    await grant_many(c, 100)
    async with forwarding(settings):
        await until(lambda: settled(c))
    assert sequences(las) == {"00AA": [1], "18DS": list(range(1, 101))}
    previous = [json.loads(got.body).get("previoussequence") for got in las.got if b'"18DS"' in got.body]
    assert previous == [None, *(f"{n:020}" for n in range(1, 100))]
    assert {status for *_, status in await lane(c, WEBHOOK)} == {"delivered"}
    await assert_books_right(c)


async def test_the_first_message_after_a_first_subscription_has_nothing_before_it(
    settings: Settings, c: Connection, las: Receiver
) -> None:
    """`previoussequence` skips cancelled deliveries."""
    await grant_many(c, 3)
    await subscribed(c, url=las.url)
    async with forwarding(settings):
        await until(lambda: settled(c))
    event = json.loads(las.got[0].body)
    assert (len(las.got), int(event["sequence"]), "previoussequence" in event) == (1, 4, False)
    assert event["type"] == "nl.osr.mandate.granted.v1"


async def test_a_receiver_that_is_gone_is_left_alone_and_goes_on_when_it_is_back(
    settings: Settings, c: Connection, las: Receiver
) -> None:
    """After 410 nothing is sent until the subscription is active again; then all arrives in order."""
    made, _ = await subscribed(c, url=las.url)
    las.answer = lambda _: reply(410)
    await grant_many(c, 5)

    async def is_disabled() -> bool:
        return bool(await c.fetchval("select status = 'disabled' from subscriptions"))

    async with forwarding(settings):
        await until(is_disabled)
        las.answer = lambda _: reply(204)
        las.got.clear()
        async with c.transaction():
            found = await subscriptions.lock(c, made.id)
            assert found is not None
            await activate(c, found, NOW)
        await notify(c, "destinations")
        await notify(c, "lanes")
        await until(lambda: settled(c))
    assert sequences(las) == {"18DS": [1, 2, 3, 4, 5]}


async def test_a_rate_is_not_exceeded(settings: Settings, c: Connection, las: Receiver) -> None:
    """A rate of 600 a minute sends some twenty messages in two seconds."""
    await subscribed(c, url=las.url)
    await c.execute("update subscriptions set requested_rate = 600, allowed_rate = 600")
    await grant_many(c, 100)
    async with forwarding(settings):
        started = time.monotonic()
        await until(lambda: _enough(las, 20))
        spent = time.monotonic() - started
    assert len(las.got) <= 10 + 10 * (spent + 1)
    assert spent > 0.5
    assert sequences(las)["18DS"] == list(range(1, len(las.got) + 1))


async def _enough(las: Receiver, count: int) -> bool:
    await asyncio.sleep(0)
    return len(las.got) >= count


async def test_a_failure_holds_its_lane_and_no_other(settings: Settings, c: Connection, las: Receiver) -> None:
    """A failed message is retried before the next of its lane; other lanes go on."""
    await subscribed(c, url=las.url, retry_schedule=(1, 1, 1))
    await grant(c, BRINS[0])
    await grant_many(c, 3)
    failed: list[int] = []

    def fail_once(got: ReceivedRequest) -> bytes:
        event = json.loads(got.body)
        if event["partitionkey"] == "18DS" and int(event["sequence"]) == 2 and not failed:
            failed.append(2)
            return reply(503)
        return reply(204)

    las.answer = fail_once
    async with forwarding(settings):
        await until(lambda: settled(c))
    assert sequences(las) == {"00AA": [1], "18DS": [1, 2, 2, 3]}
    ids = [json.loads(got.body)["id"] for got in las.got if b'"18DS"' in got.body]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3
    await assert_books_right(c)


async def test_deleting_in_the_middle_stops_the_sending(settings: Settings, c: Connection, las: Receiver) -> None:
    """Deleting the subscription stops the sending; the next one continues the lane."""
    made, _ = await subscribed(c, url=las.url)
    await c.execute("update subscriptions set allowed_rate = 600")
    await grant_many(c, 60)
    async with forwarding(settings):
        await until(lambda: _enough(las, 5))
        await removed(c, made.id)
        await notify(c, "destinations")
        await subscribed(c, url=las.url)
        await notify(c, "destinations")
        await notify(c, "lanes")
        await until(lambda: settled(c))
    came = sequences(las)["18DS"]
    firsts = list(dict.fromkeys(came))
    assert firsts == list(range(1, 61))
    await assert_books_right(c)
