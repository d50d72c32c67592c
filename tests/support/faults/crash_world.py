"""A small hub around the processes that are to die: schools, a LAS, DUO's back office, and what they received.

In: the processes. Out: changes made, messages that arrived, and the difference between both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import TYPE_CHECKING, Final

import orjson

from hub import register, subscribe
from hub.access import Actor
from hub.clock import now
from hub.domain.bulk import BulkKind
from hub.domain.subscription import SubscriptionOptions
from hub.domain.system import System
from hub.observe.books import check_ledger
from hub.operations import bulk
from hub.register import moment
from hub.store.bulk import BulkSelection
from hub.store.register import write_systems
from schemas.identifiers import Brin, Oin, ServiceCode
from tests.support.faults.crash_points import CHANGES as CHANGED
from tests.support.faults.crash_points import DATES, OUTBOX, RUNNING, SENT, UNPLANNED, WAITING
from tests.support.operators import operator
from tests.support.receivers.back_office import CHANGES, LOG
from tests.support.receivers.recording_receivers import inversions, messages
from tests.support.register.schools import add_schools, small_schools
from tests.support.register.subscriptions import KEYS
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.store.pool import Connection
    from tests.support.faults.crash_points import CrashPoint
    from tests.support.faults.crashing import HubProcesses
    from tests.support.receivers.back_office import BackOffice
    from tests.support.receivers.receiver import Receiver

LAS: Final = Oin("00000099000000001000")
BRINS: Final = tuple(Brin(f"{n:02}AA") for n in range(6))
MONTHS_EACH: Final = 3
WHILE_DOWN: Final = {
    "relay": f"not {UNPLANNED}",
    "calendar": "true",
    "recover": "true",
    "bulk": "true",
    "changes": f"{CHANGED} and not {WAITING} and not {UNPLANNED}",
    "plan": f"not {OUTBOX}",
    "forward": f"not {UNPLANNED}",
    "duo": f"not {UNPLANNED}",
    "las": f"not {UNPLANNED}",
    "reports": f"not {WAITING} and not {UNPLANNED}",
}
"""How far the other stages get while one is down, by the first word of a point's name."""
OPEN: Final = "exists (select from deliveries where expects_report and status in ('delivered', 'in_progress'))"
SETTLED: Final = f"{SENT} and not {OPEN} and not {RUNNING} and not {DATES}"


@dataclass(kw_only=True)
class CrashWorld:
    """The hub's processes and receivers, and its database."""

    c: Connection
    processes: HubProcesses
    office: BackOffice
    las: Receiver
    months: Iterator[int] = field(default_factory=count)

    async def set_up(self) -> None:
        """Create the schools and a LAS with a subscription."""
        await add_schools(self.c, *small_schools(BRINS))
        offers = frozenset({ServiceCode("RIO"), ServiceCode("VVA")})
        await write_systems(self.c, [System(supplier_oin=LAS, name="Getuige", service_codes=offers)])
        options = SubscriptionOptions(url=self.las.url, services=("VVA",), reports=False)
        async with self.c.transaction():
            await subscribe.subscribe(
                self.c, LAS, subscribe.AgreedRequest(options=options, allowed_rate=None), KEYS, now()
            )

    async def grant(self, service: str, schools: int) -> None:
        """Grant some schools a mandate for each of the next free months, counted from January 2030."""
        for month in [next(self.months) for _ in range(MONTHS_EACH)]:
            for brin in BRINS[:schools]:
                await self._grant(brin, service, month)
        await self.c.execute("notify osr_events")

    async def _grant(self, brin: Brin, service: str, month: int) -> None:
        begins, ends = (date(2030 + n // 12, n % 12 + 1, 1) for n in (month, month + 1))
        request = register.GrantRequest(
            brin=brin,
            service_code=ServiceCode(service),
            supplier_oin=LAS,
            start_date=begins,
            end_date=ends - timedelta(days=1),
            branches=(),
        )
        async with self.c.transaction():
            await register.grant(self.c, request, moment(now()))

    async def let_dates_come(self, schools: int) -> None:
        """Make the newest mandate of some schools begin today."""
        await self.c.execute(
            """update mandates m set start_date = $2::date, next_date = $2::date
                from (select distinct on (brin) id from mandates where brin = any($1) order by brin, start_date desc) n
               where m.id = n.id""",
            list(BRINS[:schools]), moment(now()).today)  # fmt: skip

    async def replay(self, schools: int) -> None:
        """Request the current state of some schools in DUO's queue."""
        chosen = BulkSelection(destination="duo:rio", brins=BRINS[:schools])
        wanted = bulk.BulkJobRequest(kind=BulkKind.REPLAY, chosen=chosen, rate=100)
        async with self.c.transaction():
            actor = Actor(caller=operator("test"), at=now(), reason="a test")
            await bulk.submit(self.c, wanted, actor, four_eyes_above=10_000)

    async def holds(self, claim: str) -> bool:
        """Return whether a condition is true in the database now."""
        return bool(await self.c.fetchval(f"select {claim}"))

    async def until(self, claim: str, what: str) -> None:
        """Wait until a condition is true in the database; fail with the logs of the processes."""

        async def it_holds() -> bool:
            return await self.holds(claim)

        try:
            await until(it_holds, what, within=90, look=0.02)
        except AssertionError as late:
            said = "\n".join(f"{name}:\n{self.processes.tail(name)}" for name in self.processes.running)
            raise AssertionError(f"{late}\n{said}") from None

    async def wait_until_read(self) -> None:
        """Wait until the back office has read all topics to their ends."""
        await until(self.office.has_read_all, "all that lies on the topics is read", within=60, look=0.02)

    async def arrivals(self, watch: str) -> list[str]:
        """Return what arrived, in order: ids of messages, or a delivery with its status; repeats included."""
        if watch == "webhook":
            return [event["id"] for event in messages(self.las.got)]
        if watch == "reports":
            rows = await self.c.fetch(
                """select d.id::text from deliveries d where d.reported_at is not null
                   union all select d.id::text from reports r join deliveries d using (destination, brin, sequence)
                    where r.ignored_because = 'duplicate'"""
            )
            return [row[0] for row in rows]
        if watch == CHANGES:
            return [f"{e['data']['deliveryId']} {e['data']['status']}" for e in self.office.came[CHANGES]]
        return [event["id"] for event in self.office.came[watch]]

    async def in_flight(self, watch: str) -> set[str]:
        """Return what may arrive again when a process has died: what is not recorded as arrived."""
        match watch:
            case "osr.mandates.v1":
                rows = await self.c.fetch("select e.id::text from event_outbox t join events e using (brin, number)")
                return {row[0] for row in rows}
            case "osr.deliveries.v1":
                return set(await self._outbox())
            case "reports":
                return set(await self.arrivals("reports"))
            case _:
                rows = await self.c.fetch(
                    """select d.id::text from deliveries d join lanes x using (destination, brin)
                        where d.sequence > x.head"""
                )
                return {row[0] for row in rows}

    async def _outbox(self) -> list[str]:
        rows = await self.c.fetch("select items::text from change_outbox")
        items = [item for row in rows for item in orjson.loads(row[0])]
        ids = {
            (r["destination"], r["brin"], r["sequence"]): str(r["id"])
            for r in await self.c.fetch("select destination, brin, sequence, id from deliveries")
        }
        return [f"{ids[item[0], item[1], item[2]]} {item[4]}" for item in items]

    async def missing(self) -> int:
        """Count what is missing: events on the log, messages at DUO and at the LAS."""
        return sum([len(wanted - set(await self.arrivals(watch))) for watch, wanted in (await self._wanted()).items()])

    async def _wanted(self) -> dict[str, set[str]]:
        events = await self.c.fetch("select id::text from events")
        rows = await self.c.fetch(
            """select d.id::text, coalesce(p.topic, 'webhook'), d.status::text from deliveries d
                 join destinations p on p.id = d.destination"""
        )
        wanted: dict[str, set[str]] = {LOG: {row[0] for row in events}, CHANGES: {f"{r[0]} {r[2]}" for r in rows}}
        for row in rows:
            wanted.setdefault(row[1], set()).add(row[0])
        return wanted

    async def check(self) -> None:
        """Check all that arrived so far: nothing else, in order, one id per number, and the ledger consistent."""
        for watch, wanted in (await self._wanted()).items():
            if watch == CHANGES:
                continue
            events = messages(self.las.got) if watch == "webhook" else self.office.came[watch]
            assert {event["id"] for event in events} == wanted, watch
            assert not inversions(events), watch
            numbers = {(event["partitionkey"], event["sequence"]) for event in events}
            assert len(numbers) == len(wanted), watch
        books = await check_ledger(self.c, now())
        assert books.ok, books.violations


async def repeated(world: CrashWorld, point: CrashPoint, before: Counter[str]) -> set[str]:
    """Return what arrived more than once, and at least once after `before` was counted."""
    came = Counter(await world.arrivals(point.watch))
    return {one for one, n in came.items() if n > max(1, before[one])}
