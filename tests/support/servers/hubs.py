"""A hub on a database of its own with topics of its own, which can be backed up, restored and recovered.

In: a cloned database, the session's Kafka. Out: the real relay, planner and forwarder, run until nothing is left to do.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from consumers.planning import planner
from hub import imports, recovery, register
from hub.domain.system import System
from hub.imports import SchoolImportOptions, ToAccept
from hub.recovery import RecoveryRequest, recover
from hub.register import DateChange, moment
from hub.store.register import write_systems
from producers import relay
from schemas.identifiers import Brin, Oin
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.receivers.recording_receivers import events_in, read_whole
from tests.support.register.schools import school_csv
from tests.support.register.small_register import B0, B1, B2, ONE, OTHER, R1, R2, RIO, TODAY, VVA, fill, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

    from hub.register import Moment
    from hub.settings import Settings
    from hub.store.pool import Connection
    from tests.support.receivers.receiver_model import ReceiverModel

    Part = Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]]

LOG, QUEUE = "osr.mandates.v1", "duo.rio.v1"
REGISTER = {
    "mandates": "select * from mandates order by id",
    "routes": "select * from routes order by mandate_id, branch",
    "events": "select * from events order by brin, number",
    "published_events": "select position, brin, number from published_events order by position",
    "event_outbox": "select brin, number from event_outbox order by id",
    "schools": "select brin, counter, bge_code from schools order by brin",
    "branches": "select branch, closed_on from branches order by branch",
    "systems": "select supplier_oin, name from systems order by supplier_oin",
}
THIRD = Oin("00000099000000003000")
SCHOOLS = school_csv(
    (("41561", "18DS00", "a"), ("41561", "18DS01", "b"), ("41561", "18DS02", "c"), ("41561", "18DS03", "d"),
     ("41775", "00AA00", "De Eerste")))  # fmt: skip
NEW_SCHOOLS = school_csv(
    (("41775", "18DS00", "a"), ("41775", "18DS01", "b"), ("41775", "18DS02", "c"), ("41775", "18DS04", "f"),
     ("41775", "00AA00", "De Eerste"), ("41561", "00ZZ00", "Nieuw")))  # fmt: skip
NEW_SYSTEM = System(supplier_oin=THIRD, name="Derde", service_codes=frozenset({RIO, VVA}))
UNPLANNED = (
    "select sum(s.counter) - coalesce(sum(p.planned_through), 0) from schools s"
    " left join planning_progress p on p.brin = s.brin"
)
UNSENT = (
    "select count(*) from lanes x join destinations d on d.id = x.destination where d.kind = 'duo' and x.head < x.tail"
)
UNPUBLISHED = "select count(*) from event_outbox"


@dataclass(kw_only=True)
class HubUnderTest:
    """A hub on one database, with this test's own topics."""

    dsn: str
    kafka: str
    topics: Mapping[str, str]
    c: Connection

    @property
    def settings(self) -> Settings:
        """The settings of its processes."""
        return settings_for(self.dsn, {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": self.kafka})

    @property
    def options(self) -> dict[str, Any]:
        """Aiokafka's options for its Kafka."""
        return self.settings.kafka.client_options()

    @asynccontextmanager
    async def running(self, *parts: Part) -> AsyncIterator[None]:
        """Run some of its processes while the block lasts."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(part(self.settings, stop)) for part in parts]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    async def relay(self, settings: Settings, stop: asyncio.Event) -> None:
        """Run its relay."""
        await relay.run(settings, stop, self.topics[LOG])

    async def plan(self, settings: Settings, stop: asyncio.Event) -> None:
        """Run its planner."""
        await planner.run(settings, stop, None, self.topics[LOG])

    async def publish(self) -> None:
        """Publish all recorded events."""
        async with self.running(self.relay):
            await self.settled(UNPUBLISHED)

    async def deliver(self) -> None:
        """Publish, plan and forward until nothing is left to do."""
        async with self.running(self.relay, self.plan), forwarder(self.settings):
            for left in (UNPUBLISHED, UNPLANNED, UNSENT):
                await self.settled(left)

    async def settled(self, left: str) -> None:
        """Wait until a count is 0."""

        async def is_zero() -> bool:
            return not await self.c.fetchval(left)

        await until(is_zero, 60)

    def order(self, **differs: Any) -> RecoveryRequest:
        """Return the order to recover."""
        base = RecoveryRequest(topic=self.topics[LOG], at=datetime.now(UTC), today=TODAY, actor="test", reason="test")
        return replace(base, **differs)

    async def recover(self, **differs: Any) -> recovery.RecoveryResult:
        """Recover by that order."""
        return await recover(self.c, self.options, self.order(**differs))

    async def heard(self, memory: ReceiverModel) -> ReceiverModel:
        """Let a receiver read its whole queue, repeats included."""
        memory.take(events_in(await read_whole(self.kafka, self.topics[QUEUE])))
        return memory


async def create_hub(database: str, kafka: str, topics: Mapping[str, str]) -> HubUnderTest:
    """Create a hub with a few schools and mandates; nothing is published yet."""
    c = await asyncpg.connect(database)
    await fill(c)
    async with c.transaction():
        await imports.import_schools(
            c, SCHOOLS, moment_now(), options=SchoolImportOptions(accepted=ToAccept(closures=9))
        )
    await c.execute("update destinations set topic = $1 where topic = $2", topics[QUEUE], QUEUE)
    await grant_now(c, replace(request(ONE, branches=((B0, R1),)), service_code=RIO))
    await grant_now(c, request(ONE, branches=((B0, R1),)))
    await grant_now(c, replace(request(ONE), brin=Brin("00AA")))
    return HubUnderTest(dsn=database, kafka=kafka, topics=topics, c=c)


@asynccontextmanager
async def backup(hub: HubUnderTest) -> AsyncIterator[Callable[[], Coroutine[Any, Any, HubUnderTest]]]:
    """Take a backup now; yield a function that restores it."""
    name = f"osr_hub_test_{uuid4().hex}"
    await hub.c.close()
    admin = await asyncpg.connect(urlsplit(hub.dsn)._replace(path="/postgres").geturl())
    database = urlsplit(hub.dsn).path[1:]
    await admin.execute(f"create database {name} template {database}")
    hub.c = await asyncpg.connect(hub.dsn)
    restored: list[HubUnderTest] = []

    async def restore() -> HubUnderTest:
        dsn = urlsplit(hub.dsn)._replace(path=f"/{name}").geturl()
        restored.append(replace(hub, dsn=dsn, c=await asyncpg.connect(dsn)))
        return restored[-1]

    try:
        yield restore
    finally:
        for each in restored:
            await each.c.close()
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def grant_now(c: Connection, wanted: register.GrantRequest) -> Any:
    """Grant a mandate now."""
    async with c.transaction():
        return (await register.grant(c, wanted, moment_now())).mandate


def moment_now() -> Moment:
    """Return the present moment, on the day of the tests' register."""
    now = moment(datetime.now(UTC), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    return replace(now, today=TODAY)


async def set_end_date(c: Connection, brin: str, service: str, days: int = 99) -> None:
    """Set the end date of a school's mandate for a service."""
    found = await c.fetchval("select id from mandates where brin = $1 and service_code = $2", brin, service)
    async with c.transaction():
        await register.amend(c, found, DateChange(end_date=TODAY + timedelta(days=days)), moment_now())


async def read_register(c: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that recovering must bring back."""
    return {table: [tuple(row) for row in await c.fetch(query)] for table, query in REGISTER.items()}


async def make_all_changes(hub: HubUnderTest) -> None:
    """Make changes of every kind, of old and new mandates, schools and systems."""
    c = hub.c
    found = await c.fetch("select id, brin, service_code from mandates")
    mandates = {(row["brin"], row["service_code"]): row["id"] for row in found}
    async with c.transaction():
        await register.assign_routing(c, mandates["18DS", "RIO"], B1, R2, moment_now())
    async with c.transaction():
        await register.remove_routing(c, mandates["18DS", "RIO"], B0, moment_now())
    await grant_now(c, request(OTHER, branches=((B2, None),)))
    async with c.transaction():
        await register.amend(c, mandates["18DS", "VVA"], DateChange(end_date=TODAY + timedelta(days=9)), moment_now())
    async with c.transaction():
        await register.withdraw(c, mandates["00AA", "VVA"], moment_now())
    async with c.transaction():
        await imports.import_schools(
            c, NEW_SCHOOLS, moment_now(), options=SchoolImportOptions(accepted=ToAccept(closures=1))
        )
        await write_systems(c, [NEW_SYSTEM])
    await grant_now(c, replace(request(), brin=Brin("00ZZ"), service_code=RIO, supplier_oin=THIRD))
    await grant_now(c, replace(request(start=TODAY + timedelta(days=20)), brin=Brin("00AA"), service_code=RIO))
