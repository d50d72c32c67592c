"""The circuit of a destination: attempts cost nothing while it is open, and probes carry the oldest message."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hub.access import Role
from tests.support.api.client import client_of
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.lanes.many_systems import counts, make_crowd, schools_of, subscribe_all, tell
from tests.support.receivers.receiver import NO_CONTENT, ReceivedRequest, receiver, reply
from tests.support.register.subscriptions import assert_books_right

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.settings import Settings
    from hub.store.pool import Connection, Pool
    from schemas.identifiers import Oin
    from tests.support.receivers.receiver import Receiver

SCHOOLS = 14
HOUR = 3600


@pytest.fixture
def settings(database: str) -> Settings:
    """The settings of a hub with a schedule of hours, so that only a circuit can make a lane due early."""
    return settings_for(database, {"OSR_HUB_WEBHOOK__RETRY_SCHEDULE": f"{HOUR},{HOUR},{HOUR}"})


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    """A receiver that takes everything."""
    async with receiver() as it:
        yield it


@pytest.fixture
async def oin(connection: Connection, hook: Receiver) -> Oin:
    """A subscribed system with fourteen schools that were told nothing yet, and one more."""
    (oin,) = await make_crowd(connection, 1, SCHOOLS + 1)
    await subscribe_all(connection, [oin], [hook.url])
    return oin


def school(got: ReceivedRequest) -> str:
    """Read which school a message is about."""
    return str(orjson.loads(got.body)["partitionkey"])


async def circuit(c: Connection) -> dict[str, Any]:
    """Read the webhook's circuit."""
    row = await c.fetchrow("select * from destinations where kind = 'las'")
    assert row is not None
    return dict(row)


def stands(c: Connection, state: str) -> Any:
    """Make the claim that the circuit stands like this."""

    async def claim() -> bool:
        return bool((await circuit(c))["circuit"] == state)

    return claim


def heard(hook: Receiver, n: int) -> Any:
    """Make the claim that so many requests came."""

    async def claim() -> bool:
        return len(hook.got) >= n

    return claim


def delivered(c: Connection, oin: Oin, n: int) -> Any:
    """Make the claim that so many are delivered, and nothing else is left."""

    async def claim() -> bool:
        return await counts(c, oin) == {"delivered": n}

    return claim


async def test_while_it_is_open_only_the_oldest_is_tried_and_nothing_burns(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings
) -> None:
    """Ten failures open the circuit; only the oldest message probes, uncounted; closing makes all lanes due."""
    *brins, late = await schools_of(connection, oin)
    oldest = brins[7]
    await tell(connection, [oin], 2, brins=[oldest])
    await tell(connection, [oin], 2, brins=[brin for brin in brins if brin != oldest])
    hook.answer = lambda _: reply(500)
    async with forwarder(settings):
        await until(stands(connection, "open"))
        await until(heard(hook, SCHOOLS))
        assert len(hook.got) == SCHOOLS
        hook.got.clear()
        await tell(connection, [oin], 1, brins=[late])
        await until(heard(hook, 2))
        assert {school(got) for got in hook.got} == {oldest}
        assert await connection.fetchval("select max(attempts) from deliveries") == 1
        assert await connection.fetchval("select count(*) from deliveries where attempts > 0") < 10
        hook.answer = lambda _: NO_CONTENT
        await until(delivered(connection, oin, 2 * SCHOOLS + 1), within=90)
        await until(stands(connection, "closed"))
    numbers = [(school(got), int(orjson.loads(got.body)["sequence"])) for got in hook.got]
    for brin in brins:
        assert list(dict.fromkeys(n for b, n in numbers if b == brin)) == [1, 2]
    assert (await circuit(connection))["circuit_openings"] == 0
    await assert_books_right(connection)


async def test_an_open_circuit_is_seen(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings, pool: Pool, tmp_path: Path
) -> None:
    """API, lag, metric and log show an open circuit with its error and since when."""
    await tell(connection, [oin], 1)
    hook.answer = lambda _: reply(500)
    operator = client_of(tmp_path, pool).as_caller(Role.OPERATIONS)
    async with forwarder(settings):
        await until(stands(connection, "open"))
        place = (await operator.get(f"/v1/destinations/las:{oin}")).json
        lag = next(x for x in (await operator.get("/v1/lag")).json["destinations"] if x["destination"] == f"las:{oin}")
        metrics = (await operator.get("/metrics")).body.decode()
    assert place["circuit"]["state"] in {"open", "half_open"}
    assert place["circuit"]["since"] is not None
    assert place["circuit"]["lastError"] == "the receiver answered 500 Internal Server Error"
    assert (lag["circuit"] != "closed", lag["cause"]) == (True, "receiver_down")
    assert "answers 500" in lag["says"]
    assert f'osr_hub_circuit_open{{destination="las:{oin}"}} 1.0' in metrics


async def test_a_prober_that_died_is_made_up_for(connection: Connection, oin: Oin, settings: Settings) -> None:
    """A probe whose forwarder died is taken over."""
    await connection.execute(
        """update destinations set circuit = 'half_open', circuit_since = clock_timestamp(), circuit_openings = 1,
                  circuit_cause = 'unreachable', probe_at = clock_timestamp() + interval '1 second'
            where kind = 'las'"""
    )
    await tell(connection, [oin], 1)
    async with forwarder(settings):
        await until(delivered(connection, oin, SCHOOLS + 1))
        await until(stands(connection, "closed"))
    await assert_books_right(connection)


async def test_an_attempt_that_comes_early_costs_nothing(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings
) -> None:
    """Opening and closing repeatedly uses up no retry schedule."""
    choking, other = (await schools_of(connection, oin))[:2]
    hook.answer = lambda got: reply(500) if school(got) == choking else NO_CONTENT
    await tell(connection, [oin], 1, brins=[choking])
    moment = "select due from lanes where brin = $1 and due is not null"
    async with forwarder(settings):
        await until(heard(hook, 1))
        await until(lambda: is_set(connection, moment, choking))
        due = await connection.fetchval(moment, choking)
        for round_ in (1, 2, 3):
            await connection.execute("update lanes set held = true where brin = $1", choking)
            await connection.execute(
                """update destinations set circuit = 'open', circuit_since = clock_timestamp() - interval '10 minutes',
                          circuit_cause = 'unreachable', circuit_openings = 1, probe_at = clock_timestamp()
                    where kind = 'las'"""
            )
            await until(stands(connection, "half_open"))
            await connection.execute("update lanes set held = false where brin = $1", choking)
            await tell(connection, [oin], 1, brins=[other])
            await until(lambda n=round_: tried(hook, choking, n + 1))  # type: ignore[misc]
            await until(lambda: is_set(connection, moment, choking))
    row = await connection.fetchrow("select attempts, status::text from deliveries where brin = $1", choking)
    assert row is not None
    assert tuple(row) == (1, "retrying")
    later = (await connection.fetchval(moment, choking) - due).total_seconds()
    assert 3 * 600 <= later < 3 * 600 + 120
    assert await connection.fetchval("select count(*) from attempts where brin = $1", choking) == 4
    await assert_books_right(connection)


async def is_set(c: Connection, question: str, brin: str) -> bool:
    """Say whether a question has an answer."""
    return await c.fetchval(question, brin) is not None


async def tried(hook: Receiver, brin: str, n: int) -> bool:
    """Say whether a school's messages came so many times."""
    return sum(1 for got in hook.got if school(got) == brin) >= n


async def test_one_message_that_is_refused_alone_does_not_close_a_destination(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings
) -> None:
    """A message that is refused alone stops its destination only until another school's message decides."""
    choking, other = (await schools_of(connection, oin))[:2]
    hook.answer = lambda got: (
        reply(400) if orjson.loads(got.body)["sequence"].endswith("1") and school(got) == choking else NO_CONTENT
    )
    await tell(connection, [oin], 2, brins=[choking])
    async with forwarder(settings):
        for tries in (1, 2, 3):
            await until(lambda n=tries: tried(hook, choking, n))  # type: ignore[misc]
            await until(lambda n=tries: kept(connection, n))  # type: ignore[misc]
            await connection.execute("update lanes set due = clock_timestamp() where due is not null; notify osr_lanes")
        await until(stands(connection, "open"))
        assert (await circuit(connection))["circuit_cause"] == "misconfigured"
        assert await counts(connection, oin) == {"retrying": 1, "waiting": 1}
        await tell(connection, [oin], 1, brins=[other])
        await until(lambda: ends_as(connection, oin, {"dead": 1, "delivered": 2}), within=40)
    assert await connection.fetchval("select reason from deliveries where status = 'dead'") == "refused"
    await assert_books_right(connection)


async def kept(c: Connection, n: int) -> bool:
    """Say whether so many failed attempts are kept."""
    return bool(await c.fetchval("select count(*) >= $1 from attempts", n))


async def ends_as(c: Connection, oin: Oin, wanted: dict[str, int]) -> bool:
    """Say whether the deliveries of a system stand like this."""
    return await counts(c, oin) == wanted


async def test_all_that_is_refused_after_a_token_expired_stays(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings
) -> None:
    """Messages refused after the last acceptance are retried and never die."""
    brins = (await schools_of(connection, oin))[:3]
    await tell(connection, [oin], 1, brins=brins)
    async with forwarder(settings):
        await until(delivered(connection, oin, 3))
        hook.answer = lambda _: reply(401)
        await tell(connection, [oin], 1, brins=brins)
        for tries in (3, 6, 8):
            await until(lambda n=tries: kept(connection, n))  # type: ignore[misc]
            await connection.execute("update lanes set due = clock_timestamp() where due is not null; notify osr_lanes")
        await until(stands(connection, "open"))
        assert (await circuit(connection))["circuit_cause"] == "misconfigured"
        hook.answer = lambda _: NO_CONTENT
        await until(delivered(connection, oin, 6), within=40)
    await assert_books_right(connection)


async def test_a_moment_that_the_receiver_named_holds_for_the_circuit(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings
) -> None:
    """An opened circuit is not probed before the moment in `Retry-After`."""
    await tell(connection, [oin], 1)
    came: list[float] = []

    def busy(_: ReceivedRequest) -> bytes:
        came.append(time.monotonic())
        return reply(503, retry_after="3")

    hook.answer = busy
    async with forwarder(settings):
        await until(stands(connection, "open"))
        await until(heard(hook, SCHOOLS + 1))
        before = len(came)
        await until(heard(hook, before + 1))
    assert came[before] - came[9] >= 2.9
