"""Catching up over HTTP under concurrent writes: nothing is skipped or repeated, and callers see only their own."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub import plan, register
from hub.access import Role
from hub.clock import now
from hub.register import GrantRequest
from hub.store import published_events
from schemas.identifiers import Brin, Oin, ServiceCode
from tests.support.api.school_calls import ONE, OTHER, open_hub
from tests.support.register.schools import add_schools, small_schools
from tests.support.register.subscriptions import subscribed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.store.pool import Connection, Pool
    from tests.support.api.client import Client

BRINS = ("18DS", "00AA", "00BB", "00CC", "00DD", "00EE")
CHANGES_EACH = 12
SEED = 7


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with six schools, and a system that subscribed to everything."""
    hub = await open_hub(pool, tmp_path)
    async with pool.acquire() as c:
        await add_schools(c, *small_schools(BRINS[2:], "41775"))
        await subscribed(c, Oin(ONE), services=("VVA", "RIO"))
    return hub


async def grant(c: Connection, brin: str, service: str, oin: str, days: int) -> None:
    """Grant a mandate that lasts a day, in the caller's transaction."""
    at = register.moment(now())
    day = at.today + timedelta(days=days)
    wish = GrantRequest(
        brin=Brin(brin), service_code=ServiceCode(service), supplier_oin=Oin(oin), start_date=day, end_date=day,
        branches=(),
    )  # fmt: skip
    await register.grant(c, wish, at)


async def publish(c: Connection) -> None:
    """Take off the log what there is to publish, as the relay does."""
    entries = await published_events.read_outbox(c, 7)
    if entries:
        await published_events.mark_published(c, entries, await published_events.last_position(c), now())


class Reader:
    """Follows the events as one caller, a few at a time."""

    def __init__(self, caller: Client, limit: int, **query: Any) -> None:
        self.caller, self.limit, self.query = caller, limit, query
        self.since: str | None = None
        self.got: list[tuple[str, int]] = []
        self.more = False

    async def read(self) -> None:
        """Read the next page."""
        since: dict[str, Any] = {} if self.since is None else {"since": self.since}
        body = (await self.caller.get("/v1/events", limit=self.limit, **since, **self.query)).json
        self.got += [(each["partitionkey"], int(each["sequence"])) for each in body["items"]]
        self.since, self.more = body["next"], body["more"]


async def until_done(work: Callable[[], Any], writers: list[asyncio.Task[None]]) -> None:
    """Do something over and over until the writers are done."""
    while not all(writer.done() for writer in writers):
        await work()
        await asyncio.sleep(0)


async def test_an_event_that_commits_late_is_not_passed_over(hub: Client, pool: Pool) -> None:
    """An event that commits late gets a later position, so that no reader misses it."""
    reader = Reader(hub.as_caller(Role.OPERATIONS), 10)
    async with pool.acquire() as slow, pool.acquire() as c:
        late = slow.transaction()
        await late.start()
        await grant(slow, "18DS", "VVA", ONE, 0)
        async with c.transaction():
            await grant(c, "00AA", "VVA", ONE, 0)
        await publish(c)
        await reader.read()
        assert (reader.got, reader.more) == ([("00AA", 1)], False)
        await late.commit()
        await publish(c)
        await reader.read()
    assert (reader.got, reader.more) == ([("00AA", 1), ("18DS", 1)], False)


async def test_who_follows_the_events_gets_each_once_and_only_its_own(hub: Client, pool: Pool) -> None:
    """Five callers that page under load get each of their events once."""
    readers = {
        "operations": Reader(hub.as_caller(Role.OPERATIONS), 3),
        "duo": Reader(hub.as_caller(Role.DUO), 4),
        "las": Reader(hub.as_caller(Role.LAS, oin=ONE), 2),
        "school": Reader(hub.as_caller(Role.SCHOOL, brins=["18DS"]), 5),
        "board": Reader(hub.as_caller(Role.SCHOOL, bges=["41775"]), 1, types="nl.osr.mandate.*"),
        "nothing": Reader(hub.as_caller(Role.OPERATIONS), 2, types="nl.osr.mandate.started.v1"),
    }
    writers = [asyncio.create_task(_change(pool, brin, nth)) for nth, brin in enumerate(BRINS)]

    async def relay() -> None:
        async with pool.acquire() as c:
            await publish(c)

    async def read() -> None:
        await asyncio.gather(*(reader.read() for reader in readers.values()))

    relaying = asyncio.create_task(until_done(relay, writers))
    await until_done(read, [*writers, relaying])
    await asyncio.gather(*writers, relaying)
    async with pool.acquire() as c:
        while await c.fetchval("select exists (select from event_outbox)"):
            await publish(c)
        rows = await c.fetch(
            """select f.brin, f.number, m.supplier_oin from published_events f
                 join events e on e.brin = f.brin and e.number = f.number
                 join mandates m on m.id = e.mandate_id order by f.position"""
        )
    for reader in readers.values():
        await reader.read()
        while reader.more:
            await reader.read()
    everything = [(row["brin"], row["number"]) for row in rows]
    assert len(everything) == len(BRINS) * CHANGES_EACH
    assert readers["operations"].got == readers["duo"].got == everything
    assert readers["las"].got == [(row["brin"], row["number"]) for row in rows if row["supplier_oin"] == ONE]
    assert readers["school"].got == [each for each in everything if each[0] == "18DS"]
    assert readers["board"].got == [each for each in everything if each[0] != "18DS"]
    assert readers["nothing"].got == []


async def test_who_lost_something_finds_it_behind_a_number(hub: Client, pool: Pool) -> None:
    """A receiver that asks from a sequence on gets each later one in order, while lanes grow."""
    las, seen = hub.as_caller(Role.LAS, oin=ONE), dict.fromkeys(BRINS, 0)
    writers = [asyncio.create_task(_change(pool, brin, nth, plans=True)) for nth, brin in enumerate(BRINS)]

    async def ask() -> None:
        for brin in BRINS:
            query: dict[str, Any] = {"destination": f"las:{ONE}", "brin": brin, "afterSequence": seen[brin], "limit": 2}
            body = (await las.get("/v1/deliveries", **query)).json
            for delivery in body["items"]:
                assert delivery["sequence"] == seen[brin] + 1
                seen[brin] += 1

    await until_done(ask, writers)
    await asyncio.gather(*writers)
    while True:
        before = dict(seen)
        await ask()
        if seen == before:
            break
    lanes = {each["brin"]: each["lastPlanned"] for each in (await las.get("/v1/lanes", limit=1000)).json["items"]
             if each["destination"] == f"las:{ONE}"}  # fmt: skip
    assert {brin: n for brin, n in seen.items() if n} == lanes
    stranger = hub.as_caller(Role.LAS, oin=OTHER)
    assert (await stranger.get("/v1/deliveries", destination=f"las:{ONE}", afterSequence=0)).json["items"] == []


async def _change(pool: Pool, brin: str, nth: int, *, plans: bool = False) -> None:
    """Change a school's mandates, holding transactions open for a moment of chance."""
    dice = random.Random(SEED + nth)  # noqa: S311 - chance, not secrecy
    for n in range(CHANGES_EACH):
        async with pool.acquire() as c, c.transaction():
            oin = dice.choice((ONE, OTHER))
            await grant(c, brin, "VVA", oin, n)
            await asyncio.sleep(dice.random() * 0.01)
        if plans:
            async with pool.acquire() as c, c.transaction():
                await plan.plan(c, {brin: now(), dice.choice(BRINS): now()}, now(), 0)
                await asyncio.sleep(dice.random() * 0.01)
