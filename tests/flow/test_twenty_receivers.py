"""Twenty receivers and one forwarder: what one of them does is its own affair.

No clock decides here. The others have everything when the bad one still has its backlog; the seconds are printed.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from consumers.forwarding import destinations
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.lanes.many_systems import counts, make_crowd, subscribe_all, tell
from tests.support.receivers.receiver import receiver, reply
from tests.support.receivers.recording_receivers import inversions, messages
from tests.support.register.subscriptions import assert_books_right

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.store.pool import Connection
    from schemas.identifiers import Oin
    from tests.support.receivers.receiver import Receiver

    Spoil = Callable[[Receiver], None]

RECEIVERS, SCHOOLS, EACH = 20, 10, 3
BACKLOG = 300
SECONDS: dict[str, float] = {}
"""How long nineteen took, by what the twentieth did; to be printed."""


def be_well(_: Receiver) -> None:
    """Take everything at once."""


def be_dead(hook: Receiver) -> None:
    """Let nobody connect."""
    hook.port = 9


def be_silent(hook: Receiver) -> None:
    """Take every request and never answer."""
    hook.answer = lambda _: None


def be_broken(hook: Receiver) -> None:
    """Answer that there is too much."""
    hook.answer = lambda _: reply(503)


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the house so small that one receiver's lanes would fill it."""
    monkeypatch.setattr(destinations, "LANES_AT_ONCE", SCHOOLS)
    monkeypatch.setattr(destinations, "LANES_ALWAYS", 2)


async def have_all(c: Connection, oins: Sequence[Oin], each: int) -> bool:
    """Say whether these have everything."""
    return all([await counts(c, oin) == {"delivered": each} for oin in oins])


async def seconds_of(c: Connection, database: str, spoil: Spoil, backlog: int = EACH) -> tuple[float, dict[str, int]]:
    """Let twenty receivers hear of their schools; return how long nineteen took, and how the first stood then."""
    oins = await make_crowd(c, RECEIVERS, SCHOOLS)
    async with AsyncExitStack() as stack:
        hooks = [await stack.enter_async_context(receiver()) for _ in oins]
        spoil(hooks[0])
        await subscribe_all(c, oins, [hook.url for hook in hooks])
        await tell(c, oins[:1], backlog)
        await tell(c, oins[1:], EACH)
        started = time.monotonic()
        async with forwarder(settings_for(database)):
            await until(lambda: have_all(c, oins[1:], SCHOOLS * EACH), within=90)
            seconds, first = time.monotonic() - started, await counts(c, oins[0])
        SECONDS[f"{spoil.__name__} {backlog}"] = seconds
        for hook in hooks[1:]:
            assert inversions(messages(hook.got)) == []
            assert len(messages(hook.got)) == SCHOOLS * EACH
    await assert_books_right(c)
    return seconds, first


def ratio(seconds: float) -> str:
    """Say how many times as long that is as with twenty that are well."""
    usual = SECONDS.get(f"be_well {EACH}")
    return "" if usual is None else f", {seconds / usual:.2f} times as long as with twenty that are well"


async def test_twenty_that_are_well_have_everything(connection: Connection, database: str) -> None:
    """Twenty healthy receivers get everything: the measure for the other tests."""
    seconds, first = await seconds_of(connection, database, be_well)
    print(f"\nall well: nineteen had everything after {seconds:.1f} s; the first: {first}")


@pytest.mark.parametrize("spoil", [be_dead, be_silent, be_broken])
async def test_one_that_does_not_take_its_messages_delays_nobody(
    connection: Connection, database: str, spoil: Spoil
) -> None:
    """A dead, silent or overwhelmed receiver delays no other and loses nothing."""
    seconds, first = await seconds_of(connection, database, spoil)
    print(f"\n{spoil.__name__}: nineteen had everything after {seconds:.1f} s{ratio(seconds)}; the first: {first}")
    assert sum(first.values()) == SCHOOLS * EACH
    assert "delivered" not in first


async def test_one_that_is_very_busy_delays_nobody(connection: Connection, database: str) -> None:
    """A receiver with a hundred times the load delays no other."""
    seconds, first = await seconds_of(connection, database, be_well, BACKLOG)
    print(f"\nbusy: nineteen had everything after {seconds:.1f} s{ratio(seconds)}; the first: {first}")
    assert first["waiting"] > 0


@pytest.mark.usefixtures("crowded")
async def test_one_whose_lanes_fill_the_house_leaves_room(connection: Connection, database: str) -> None:
    """A receiver with as many hanging lanes as the limit allows delays no other."""
    oins = await make_crowd(connection, RECEIVERS, SCHOOLS)
    settings = settings_for(database, {"OSR_HUB_WEBHOOK__TIMEOUT_SECONDS": "300"})
    async with AsyncExitStack() as stack:
        hooks = [await stack.enter_async_context(receiver()) for _ in oins]
        be_silent(hooks[0])

        async def is_full() -> bool:
            return len(hooks[0].got) == SCHOOLS

        await subscribe_all(connection, oins, [hook.url for hook in hooks])
        await tell(connection, oins[:1], EACH)
        async with forwarder(settings):
            await until(is_full, within=60)
            await tell(connection, oins[1:], EACH)
            await until(lambda: have_all(connection, oins[1:], SCHOOLS * EACH), within=90)
            assert await counts(connection, oins[0]) == {"waiting": SCHOOLS * EACH}
            assert len(hooks[0].got) == SCHOOLS
    await assert_books_right(connection)


async def test_a_rate_is_shared_by_all_forwarders(connection: Connection, database: str) -> None:
    """Two forwarders together stay within the rate of a receiver."""
    (oin,) = await make_crowd(connection, 1, SCHOOLS)
    came: list[float] = []

    async def enough() -> bool:
        return len(came) >= 60

    async with receiver() as hook:
        hook.answer = lambda _: came.append(time.monotonic()) or reply(204)  # type: ignore[func-returns-value]
        await subscribe_all(connection, [oin], [hook.url])
        await connection.execute("update subscriptions set allowed_rate = 600")
        async with forwarder(settings_for(database)), forwarder(settings_for(database)):
            await until(lambda: two_beat(connection))
            await tell(connection, [oin], 50)
            await until(enough, within=60)
    first, last = came[0], came[-1]
    print(f"\ntwo forwarders at 10 a second: {len(came)} in {last - first:.1f} s")
    assert len(came) <= 10 * (last - first) + 20  # for a second each may not know of the other
    assert inversions(messages(hook.got)) == []


async def two_beat(c: Connection) -> bool:
    """Say whether two forwarders are at work."""
    return bool(await c.fetchval("select count(*) = 2 from processes where role = 'forward'"))
