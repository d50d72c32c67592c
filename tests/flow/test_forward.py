"""Forwarding to webhooks: order through retries, refusals of one or all messages, and dead forwarders."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hub import plan
from hub.store import processes
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.receivers.receiver import NO_CONTENT, ReceivedRequest, receiver, reply
from tests.support.register.subscriptions import (
    BRINS,
    LAS,
    NOW,
    assert_books_right,
    grant,
    make_register,
    plan_all,
    subscribed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from hub.settings import Settings
    from hub.store.pool import Connection
    from tests.support.receivers.receiver import Receiver

WEBHOOK = f"las:{LAS}"
SINCE_THE_FIRST = 4


@pytest.fixture
def settings(database: str) -> Settings:
    """The settings of a hub whose receivers are retried each second."""
    return settings_for(database)


@pytest.fixture
async def hook(connection: Connection) -> AsyncIterator[Receiver]:
    """A subscribed receiver, and a register of two schools."""
    await make_register(connection)
    async with receiver() as it:
        await subscribed(connection, url=it.url)
        yield it


async def tell(c: Connection, brin: str, times: int) -> None:
    """Record `times` events about one mandate of a school, and plan them."""
    mandate = await grant(c, brin=brin)  # type: ignore[arg-type]
    for version in range(2, times + 1):
        await c.execute(
            """insert into events select brin, number + 1, recorded_at, gen_random_uuid(), mandate_id, $2, 'amended',
                      replace(units::text, 'granted', 'amended')::jsonb, body, traceparent
                 from events where mandate_id = $1 order by number desc limit 1""",
            mandate.id,
            version,
        )
        await c.execute("update schools set counter = counter + 1 where brin = $1", brin)
    await plan_all(c)


async def statuses(c: Connection) -> Counter[str]:
    """Count deliveries by status."""
    return Counter(row["status"] for row in await c.fetch("select status::text from deliveries"))


def all_in(c: Connection, wanted: dict[str, int]) -> Callable[[], Any]:
    """Make the claim that deliveries stand like this."""

    async def claim() -> bool:
        return await statuses(c) == Counter(wanted)

    return claim


async def hurry(c: Connection) -> None:
    """Let the moments of all waiting lanes come."""
    await c.execute("update lanes set due = clock_timestamp() where due is not null; notify osr_lanes")


def sequences(got: list[ReceivedRequest], brin: str) -> list[tuple[int, int | None]]:
    """Read which numbers arrived for a school, each with the previous one it names."""
    events = [orjson.loads(g.body) for g in got]
    return [
        (int(e["sequence"]), int(e["previoussequence"]) if "previoussequence" in e else None)
        for e in events
        if e["partitionkey"] == brin
    ]


async def test_a_lane_arrives_in_order_and_is_settled(
    connection: Connection, hook: Receiver, settings: Settings
) -> None:
    """A lane arrives in order, each message naming the one before, and is settled."""
    for brin in BRINS:
        await tell(connection, brin, 5)
    async with forwarder(settings):
        await until(all_in(connection, {"delivered": 10}))
    for brin in BRINS:
        assert sequences(hook.got, brin) == [(1, None), (2, 1), (3, 2), (4, 3), (5, 4)]
    assert await connection.fetchval("select bool_and(head = tail and owner is null and due is null) from lanes")
    assert await connection.fetchval("select bool_and(http_status = 204 and sent_ms >= 0) from deliveries")
    await assert_books_right(connection)


async def test_a_retry_never_overtakes_an_earlier_message(
    connection: Connection, hook: Receiver, settings: Settings
) -> None:
    """A retry holds back its lane and no other."""
    refusals = iter([reply(503), reply(503)])
    hook.answer = lambda got: next(refusals, NO_CONTENT) if b'"18DS"' in got.body else NO_CONTENT
    await tell(connection, "18DS", 3)
    await tell(connection, "00AA", 1)
    async with forwarder(settings):
        await until(all_in(connection, {"delivered": 4}))
    assert [n for n, _ in sequences(hook.got, "18DS")] == [1, 1, 1, 2, 3]
    assert len({g.headers["webhook-id"] for g in hook.got if b'"18DS"' in g.body}) == 3
    kept = await connection.fetch("select sequence, number, outcome, http_status from attempts order by number")
    assert [tuple(row) for row in kept] == [(1, 1, "retry", 503), (1, 2, "retry", 503)]
    await assert_books_right(connection)


async def test_one_refused_message_dies_and_its_lane_goes_on(
    connection: Connection, hook: Receiver, settings: Settings
) -> None:
    """A message that is refused three times while others are accepted dies, and its lane goes on."""
    hook.answer = lambda got: reply(400) if sequences([got], "18DS")[:1] == [(1, None)] else NO_CONTENT
    await tell(connection, "18DS", 2)
    async with forwarder(settings):
        for tries in (1, 2):
            await until(attempted(connection, tries))
            await tell_other(connection)
            await hurry(connection)
        await until(all_in(connection, {"dead": 1, "delivered": 3}))
    assert await connection.fetchval("select reason from deliveries where status = 'dead'") == "refused"
    assert [n for n, _ in sequences(hook.got, "18DS")] == [1, 1, 1, 2]
    await assert_books_right(connection)


async def test_a_receiver_that_refuses_all_kills_nothing(
    connection: Connection, hook: Receiver, settings: Settings
) -> None:
    """A receiver that refuses everything opens the circuit and loses no message."""
    hook.answer = lambda _: reply(401)
    await tell(connection, "18DS", 3)
    async with forwarder(settings):
        for tries in (1, 2, 3):
            await until(attempted(connection, tries))
            await hurry(connection)
        await until(circuit(connection, "open"))
        assert (
            await connection.fetchval("select circuit_cause from destinations where name = $1", WEBHOOK)
            == "misconfigured"
        )
        hook.answer = lambda _: NO_CONTENT
        await until(all_in(connection, {"delivered": 3}), within=90)
        await until(circuit(connection, "closed"))
    assert (await connection.fetchval("select max(attempts) from deliveries")) <= SINCE_THE_FIRST
    await assert_books_right(connection)


async def test_a_receiver_that_is_gone_is_disabled_and_its_lane_waits(
    connection: Connection, hook: Receiver, settings: Settings
) -> None:
    """An answer of 410 disables the subscription and loses nothing."""
    hook.answer = lambda _: reply(410)
    await tell(connection, "18DS", 2)
    async with forwarder(settings):
        await until(disabled(connection))
    assert len(hook.got) == 1
    assert (await statuses(connection)).total() == 2
    assert (await statuses(connection))["delivered"] == 0
    await assert_books_right(connection)


async def test_a_dead_forwarders_lanes_move_on(connection: Connection, hook: Receiver, settings: Settings) -> None:
    """The lanes of a forwarder without heartbeat are rescued, after its open requests timed out."""
    await tell(connection, "18DS", 2)
    await tell(connection, "00AA", 1)
    dead = (await processes.enter(connection, "forward")).process
    destination = await connection.fetchval("select id from destinations where name = $1", WEBHOOK)
    await connection.execute("update lanes set owner = $1, due = null, token = token + 1", dead)
    await connection.execute(
        """update processes set heartbeat_at = heartbeat_at - interval '10 seconds',
                  open_requests = jsonb_build_array(jsonb_build_array($2::int, '18DS', 1.5)) where id = $1""",
        dead,
        destination,
    )
    async with forwarder(settings):
        await until(all_in(connection, {"delivered": 3}))
    assert [orjson.loads(g.body)["partitionkey"] for g in hook.got] == ["00AA", "18DS", "18DS"]
    await assert_books_right(connection)


async def tell_other(c: Connection) -> None:
    """Give the receiver something else to take."""
    await c.execute("update schools set counter = counter + 0 where brin = '00AA'")
    if await c.fetchval("select count(*) from mandates where brin = '00AA'"):
        await c.execute(
            """insert into events select brin, number + 1, recorded_at, gen_random_uuid(), mandate_id,
                      mandate_version + 1, 'amended', replace(units::text, 'granted', 'amended')::jsonb, body,
                      traceparent
                 from events where brin = '00AA' order by number desc limit 1"""
        )
        await c.execute("update schools set counter = counter + 1 where brin = '00AA'")
    else:
        await grant(c, brin=BRINS[0])
    async with c.transaction():
        await plan.plan(c, {"00AA": None}, NOW, 0)
    await c.execute("notify osr_lanes")
    before = await c.fetchval("select count(*) from deliveries where brin = '00AA'")

    async def taken() -> bool:
        done = "select count(*) from deliveries where brin = '00AA' and status = 'delivered'"
        return bool(await c.fetchval(done) == before)

    await until(taken)


def attempted(c: Connection, tries: int) -> Callable[[], Any]:
    """Make the claim that this many attempts failed."""

    async def claim() -> bool:
        return bool(await c.fetchval("select count(*) >= $1 from attempts", tries))

    return claim


def circuit(c: Connection, state: str) -> Callable[[], Any]:
    """Make the claim that the webhook's circuit stands like this."""

    async def claim() -> bool:
        return bool(await c.fetchval("select circuit = $2 from destinations where name = $1", WEBHOOK, state))

    return claim


def disabled(c: Connection) -> Callable[[], Any]:
    """Make the claim that the subscription was disabled."""

    async def claim() -> bool:
        return bool(await c.fetchval("select status = 'disabled' from subscriptions"))

    return claim


async def test_stopping_waits_for_no_hanging_receiver(connection: Connection, hook: Receiver, database: str) -> None:
    """SIGTERM ends a forwarder within ten seconds; the next one sends what was in flight."""
    hook.answer = lambda _: None
    await tell(connection, "18DS", 1)
    hook.arrived.clear()
    async with forwarder(settings_for(database, {"OSR_HUB_WEBHOOK__TIMEOUT_SECONDS": "60"})):
        await asyncio.wait_for(hook.arrived.wait(), 10)
    hook.answer = lambda _: NO_CONTENT
    async with forwarder(settings_for(database)):
        await until(all_in(connection, {"delivered": 1}))
    await assert_books_right(connection)


async def test_a_lane_that_cannot_be_settled_keeps_no_other(
    connection: Connection, hook: Receiver, settings: Settings
) -> None:
    """A lane that cannot be settled is given back and logged; the others are settled."""
    await tell(connection, "18DS", 1)
    await tell(connection, "00AA", 2)
    await connection.execute("alter table deliveries add constraint broken check (brin <> '18DS' or attempts = 0)")
    async with forwarder(settings):
        await until(all_in(connection, {"waiting": 1, "delivered": 2}))
        await connection.execute("alter table deliveries drop constraint broken")
        await until(given_back(connection))
        await hurry(connection)
        await until(all_in(connection, {"delivered": 3}))
    assert {n for n, _ in sequences(hook.got, "18DS")} == {1}
    await assert_books_right(connection)


def given_back(c: Connection) -> Callable[[], Any]:
    """Make the claim that no lane is in anybody's hands."""

    async def claim() -> bool:
        return bool(await c.fetchval("select bool_and(owner is null) from lanes"))

    return claim
