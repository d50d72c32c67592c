"""What a receiver may ask for: a moment, fewer messages, or none; and messages that never die."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hub.access import Actor, Role
from hub.clock import now
from hub.operations import controls
from tests.support.api.client import client_of
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.lanes.many_systems import counts, make_crowd, schools_of, subscribe_all, tell
from tests.support.operators import operator
from tests.support.receivers.receiver import NO_CONTENT, ReceivedRequest, receiver, reply
from tests.support.register.subscriptions import assert_books_right

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.settings import Settings
    from hub.store.pool import Connection, Pool
    from schemas.identifiers import Oin
    from tests.support.receivers.receiver import Receiver

SCHOOLS = 8
DAY = 86400


@pytest.fixture
def settings(database: str) -> Settings:
    """The settings of a hub whose receivers are retried after a second, twice."""
    return settings_for(database, {"OSR_HUB_WEBHOOK__RETRY_SCHEDULE": "1,1"})


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    """A receiver that takes everything."""
    async with receiver() as it:
        yield it


@pytest.fixture
async def oin(connection: Connection, hook: Receiver) -> Oin:
    """A subscribed system with eight schools that were told nothing yet."""
    (oin,) = await make_crowd(connection, 1, SCHOOLS)
    await subscribe_all(connection, [oin], [hook.url])
    return oin


def school(got: ReceivedRequest) -> str:
    """Read which school a message is about."""
    return str(orjson.loads(got.body)["partitionkey"])


def heard(hook: Receiver, n: int) -> Any:
    """Make the claim that so many requests came."""

    async def claim() -> bool:
        return len(hook.got) >= n

    return claim


def ends_as(c: Connection, oin: Oin, **wanted: int) -> Any:
    """Make the claim that the deliveries of a system stand like this."""

    async def claim() -> bool:
        return await counts(c, oin) == wanted

    return claim


async def wait_of(c: Connection, brin: str) -> float | None:
    """Say in how many seconds a lane is due."""
    seconds: float | None = await c.fetchval(
        "select extract(epoch from due - clock_timestamp())::float from lanes where brin = $1", brin
    )
    return seconds


@pytest.mark.parametrize(
    ("wish", "least", "most"),
    [("120", 118, 120), ("99999999999999999999999999", DAY - 2, DAY), ("Fri, 31 Dec 9999 23:59:59 GMT", DAY - 2, DAY),
     ("-120", 0, 2), ("Mon, 23 Nov 2026 09:01:00 +99999999999999999", 0, 2)],
)  # fmt: skip
async def test_a_lane_waits_as_long_as_its_receiver_wishes(  # noqa: PLR0913, PLR0917 - a row of the table and its parts
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings, wish: str, least: float, most: float
) -> None:
    """`Retry-After` is followed as seconds or date, for a day at most; an unreadable value is ignored."""
    asked = (await schools_of(connection, oin))[0]
    hook.answer = lambda _: reply(503, retry_after=wish)
    await tell(connection, [oin], 1, brins=[asked])

    async def waits() -> bool:
        return await wait_of(connection, asked) is not None and await _kept(connection) == 1

    async with forwarder(settings):
        await until(heard(hook, 1))
        await until(waits)
        seconds = await wait_of(connection, asked)
    assert seconds is not None
    assert least <= seconds <= most


async def _kept(c: Connection) -> int:
    return int(await c.fetchval("select count(*) from attempts"))


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, 504])
async def test_a_receiver_that_asks_for_patience_gets_less_at_once(  # noqa: PLR0913, PLR0917 - parts and a status
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings, pool: Pool, tmp_path: Path, status: int
) -> None:
    """Each round of 503 halves the concurrency; API and metric show it, and it recovers."""
    brins = await schools_of(connection, oin)
    failing = set(brins[:4])
    hook.answer = lambda got: reply(status) if school(got) in failing else NO_CONTENT
    operator = client_of(tmp_path, pool).as_caller(Role.OPERATIONS)
    await tell(connection, [oin], 1)

    async def is_slowed() -> bool:
        return bool(await connection.fetchval("select pace <= 4 from destinations where kind = 'las'"))

    async def is_usual() -> bool:
        return bool(await connection.fetchval("select pace is null from destinations where kind = 'las'"))

    async with forwarder(settings):
        await until(is_slowed)
        place = (await operator.get(f"/v1/destinations/las:{oin}")).json
        metrics = (await operator.get("/metrics")).body.decode()
        failing.clear()
        await until(ends_as(connection, oin, delivered=SCHOOLS))
        await connection.execute("update destinations set slowed_at = slowed_at - interval '1 minute'")
        await until(is_usual, within=40)
    assert place["pace"]["lanesAtOnce"] <= 4
    assert str(status) in place["pace"]["lastError"]
    assert f'osr_hub_destination_slowed{{destination="las:{oin}"}} 1.0' in metrics
    await assert_books_right(connection)


async def test_a_500_is_a_fault_and_no_plea(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings
) -> None:
    """A 500 does not lower the concurrency."""
    failing = (await schools_of(connection, oin))[0]
    hook.answer = lambda got: reply(500) if school(got) == failing else NO_CONTENT
    await tell(connection, [oin], 1)
    async with forwarder(settings):
        await until(ends_as(connection, oin, delivered=SCHOOLS - 1, dead=1))
    assert await connection.fetchval("select bool_and(slowed_at is null and pace is null) from destinations")


async def test_too_many_requests_stops_all_lanes_until_the_moment_it_names(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings
) -> None:
    """A 429 stops all lanes of the destination until the moment that it names."""
    asked, other = (await schools_of(connection, oin))[:2]
    came: list[tuple[str, float]] = []

    def answer(got: ReceivedRequest) -> bytes:
        came.append((school(got), time.monotonic()))
        return reply(429, retry_after="3") if len(came) == 1 else NO_CONTENT

    hook.answer = answer
    await tell(connection, [oin], 1, brins=[asked])

    async def is_paused() -> bool:
        return bool(await connection.fetchval("select paused_until is not null from destinations where kind = 'las'"))

    async with forwarder(settings):
        await until(is_paused)
        await tell(connection, [oin], 1, brins=[other])
        await until(ends_as(connection, oin, delivered=2))
    assert [brin for brin, _ in came].count(asked) == 2
    assert min(at for _, at in came[1:]) - came[0][1] >= 2.9
    await assert_books_right(connection)


async def test_a_receiver_that_is_gone_hears_nothing_more_and_all_lanes_wait(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings
) -> None:
    """After 410 open requests end, nothing more is sent, and nothing is lost."""
    first, *others = await schools_of(connection, oin)
    hook.answer = lambda _: reply(410)
    await tell(connection, [oin], 1, brins=[first])

    async def is_disabled() -> bool:
        return bool(await connection.fetchval("select status = 'disabled' from subscriptions"))

    async def has_looked() -> bool:
        return bool(await connection.fetchval("select heartbeat_at > $1 from processes where role = 'forward'", at))

    async with forwarder(settings):
        await until(is_disabled)
        await tell(connection, [oin], 1, brins=others)
        at = await connection.fetchval("select clock_timestamp() + interval '2 seconds'")
        await until(has_looked)
    assert [school(got) for got in hook.got] == [first]
    assert await counts(connection, oin) == {"waiting": SCHOOLS}
    await assert_books_right(connection)


async def test_a_subscriptions_own_schedule_is_the_one_that_counts(
    connection: Connection, oin: Oin, hook: Receiver, settings: Settings
) -> None:
    """A subscription's retry schedule replaces the hub's."""
    asked = (await schools_of(connection, oin))[0]
    await connection.execute("update subscriptions set retry_schedule = '{1,1,1}'")
    hook.answer = lambda _: reply(500)
    await tell(connection, [oin], 1, brins=[asked])
    async with forwarder(settings):
        await until(ends_as(connection, oin, dead=1))
    assert len(hook.got) == 4
    row = await connection.fetchrow("select attempts, reason from deliveries")
    assert row is not None
    assert tuple(row) == (4, "exhausted")
    await assert_books_right(connection)


@pytest.mark.parametrize("status", [500, 400])
async def test_the_end_of_a_mandate_is_tried_until_a_person_cancels_it(
    connection: Connection,
    oin: Oin,
    hook: Receiver,
    settings: Settings,
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The end of a mandate is retried daily with an error in the log, and never dies."""
    asked, other = (await schools_of(connection, oin))[:2]
    hook.answer = lambda got: reply(status) if b"withdrawn" in got.body else NO_CONTENT
    await tell(connection, [oin], 1, brins=[asked, other])
    async with forwarder(settings):
        await until(ends_as(connection, oin, delivered=2))
        await tell(connection, [oin], 1, "withdrawn", brins=[asked])
        await tell(connection, [oin], 1, brins=[asked])
        for tries in (1, 2, 3):
            await until(lambda n=tries: _has_kept(connection, n))  # type: ignore[misc]
            await tell(connection, [oin], 1, brins=[other])
            await until(ends_as(connection, oin, delivered=2 + tries, retrying=1, waiting=1))
            if tries < 3:
                await connection.execute("update lanes set due = clock_timestamp() where due is not null")
                await connection.execute("notify osr_lanes")
        seconds = await wait_of(connection, asked)
        assert seconds is not None
        assert 0.7 * DAY < seconds < 1.3 * DAY
        assert "end.not_delivered" in capsys.readouterr().out
        ended = await connection.fetchval("select id from deliveries where type = 'withdrawn'")
        async with connection.transaction():
            await controls.cancel(connection, ended, Actor(caller=operator("duty"), at=now(), reason="it stopped"), 9)
        await connection.execute("notify osr_lanes")
        await until(ends_as(connection, oin, delivered=6, cancelled=1))
    await assert_books_right(connection)


async def _has_kept(c: Connection, n: int) -> bool:
    return await _kept(c) >= n
