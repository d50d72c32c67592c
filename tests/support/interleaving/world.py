"""A furnished hub for many actors: schools with a past and with news, two systems, and what must hold in the end.

In: a database. Out: the same beginning for every schedule, and a check of what a schedule left behind. Two schools of
four hundred days ago were told of, and one of them before anybody listened: its lane of copies is still to be made.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import SecretStr

from hub import plan, settle, subscribe
from hub.access import Actor
from hub.domain.ids import new_id
from hub.domain.keys import DeliveryKey, LaneKey
from hub.domain.subscription import SubscriptionOptions
from hub.observe.books import check_ledger
from hub.operations import bulk, controls
from hub.settle import IncomingReport
from hub.store import destinations, lanes, processes
from schemas.kinds import ReportStatus
from tests.support.interleaving.lane_driver import HELD_NAMES, carry, read_named_destinations
from tests.support.lanes.lane_steps import A_SLOW_DAY
from tests.support.operators import operator
from tests.support.register.schools import BuiltSchool, add_schools
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from hub.settle import LaneResult
    from tests.support.interleaving.interleaver import Schedule

BRINS: Final = ("00AA", "01AA")
FIRST, SECOND = "00000099000000001000", "00000099000000002000"
LONG_AGO, JUST_NOW = timedelta(days=400), timedelta(minutes=10)
PAST: Final = (("over", "granted"), ("over", "withdrawn"), ("live", "granted"), ("live", "amended"),
               ("web", "granted"), ("web", "amended"))  # fmt: skip
NEWS: Final = (("live", "amended"), ("bron", "granted"), ("web", "amended"), ("waits", "granted"))
MANDATES: Final = {"over": ("VERZUIM", FIRST), "live": ("RIO", FIRST), "bron": ("BRON_PO", FIRST),
                   "web": ("VVA", FIRST), "waits": ("VVA", SECOND)}  # fmt: skip
FORWARDERS: Final = ("forward 1", "forward 2", "forgetful", "last")
KEYS: Final = (SecretStr(new_key()),)
REGISTER: Final = f"""
insert into systems values ('{FIRST}', 'LAS', '{{RIO,VVA}}'), ('{SECOND}', 'Other', '{{VVA}}');
insert into destinations (name, kind, supplier_oin)
  select k || ':' || s, k, s from unnest(array['{FIRST}', '{SECOND}']) s, unnest(array['las', 'las-copy']) k;
"""  # noqa: S608 - constants of ours
EVENT: Final = """
insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
values ($1, $2, $3, $4, $5, $6, $7::text::event_type, $8::text::jsonb, '{}')"""
TABLES: Final = (
    "schools", "mandates", "events", "event_outbox", "published_events", "subscriptions", "subscription_secrets",
    "destinations", "holds", "planning_progress", "lanes", "deliveries", "attempts", "reports", "change_outbox",
    "tallies", "counters", "hops", "processes", "bulk_items", "bulk_jobs", "audit", "audit_heads", "people",
    "hub_state",
)  # fmt: skip
OVERDUE: Final = "update lanes set due = clock_timestamp() where due > clock_timestamp()"
SILENCE: Final = "update processes set heartbeat_at = '-infinity' where role = 'forward' and id <> $1"


class InterleavingWorld:
    """The hub that schedules are played on, and what was seen in the schedule that is being played."""

    def __init__(self, c: asyncpg.Connection[Any]) -> None:
        self.c = c
        self.mandates: dict[tuple[str, str], UUID] = {}
        self.begin(0)

    def begin(self, seed: int) -> None:
        """Forget what was seen."""
        self.draw = random.Random(seed)  # noqa: S311 - reproducible choice, no secret
        self.owners: dict[str, int] = {}
        self.paused: str | None = None
        self.arrivals: dict[tuple[int, str], list[tuple[str, int]]] = defaultdict(list)
        self.tried: Counter[DeliveryKey] = Counter()
        self.unsure: set[LaneKey] = set()
        self.planted: set[LaneKey] = set()
        self.held_whole: set[int] = set()
        self.may_be_loose = False

    async def furnish(self) -> None:
        """Make the register and its past, and keep it as every schedule's beginning."""
        await self.c.execute(REGISTER)
        await add_schools(self.c, *(BuiltSchool(brin=brin, branches={}) for brin in BRINS))
        for brin in BRINS:
            await self._grant(brin)
        self.destinations = await read_named_destinations(self.c)
        for brin in BRINS:
            await self._live(brin)
            if brin == BRINS[0]:
                await self._subscribe()
        await self._report_long_ago()
        await self._tell_news()
        await self.c.execute("create schema saved; set session_replication_role = replica")
        for table in TABLES:
            await self.c.execute(f"create table saved.{table} as table {table}")
        self._bring_back = ";".join([await self._copying(table) for table in TABLES])

    async def reset(self, seed: int) -> None:
        """Bring everything back to the beginning."""
        self.begin(seed)
        await self.c.execute(self._bring_back)
        self.owners = {name: (await processes.enter(self.c, "forward")).process for name in FORWARDERS}
        self.owners["plan"] = (await processes.enter(self.c, "plan")).process
        if seed % 2:
            async with self.c.transaction():
                await plan.plan(self.c, {BRINS[seed // 2 % 2]: None}, datetime.now(UTC), self.owners["plan"])

    def operator(self) -> Actor:
        """Be a person who presses a button."""
        return Actor(caller=operator("somebody"), at=datetime.now(UTC), reason="a test")

    def accept(self, runs: list[LaneResult], accepted: int) -> None:
        """Note what was settled: an attempt counts once when its lane was still its owner's, and never otherwise."""
        if 0 < accepted < len(runs):
            self.unsure |= {run.update.lease.lane for run in runs}
        elif accepted:
            for run in runs:
                self.tried.update(attempt.key for attempt in run.succeeded)
                self.tried.update({attempt.key: int(attempt.move is not None) for attempt in run.failed})

    async def finish(self) -> None:
        """Do what the living do when the others are gone: plan, work acts off, open everything, send what is left."""
        await self.c.execute(SILENCE, self.owners["last"])
        async with self.c.transaction():
            await processes.rescue_lanes(self.c, A_SLOW_DAY)
        await self._check_held()
        found = set(await lanes.repair_stranded(self.c))
        assert found <= self.planted, f"stranded: {found - self.planted}"
        await self._open_everything()
        for turn in range(1, 20):
            async with self.c.transaction():
                if await bulk.run_batch(self.c, datetime.now(UTC) + timedelta(seconds=3 * turn), 0) is None:
                    break
        async with self.c.transaction():
            await plan.plan(self.c, dict.fromkeys(BRINS), datetime.now(UTC), 0)
        await self.c.execute(OVERDUE)
        while await carry(self, self.c, "last", most=40, always=True):
            pass

    async def check(self, schedule: Schedule) -> None:
        """Hold the outcome to the promises."""
        books = await check_ledger(self.c, datetime.now(UTC))
        assert books.violations == [], f"{books.violations}\n{schedule}"
        waiting = await self.c.fetch("select destination, brin from lanes where head < tail or owner is not null")
        assert waiting == [], str(schedule)
        for lane, arrived in self.arrivals.items():
            firsts = list(dict.fromkeys(sequence for _, sequence in arrived))
            assert firsts == sorted(firsts), f"{lane} {arrived} {schedule}"
            assert len(set(arrived)) == len(firsts), f"{lane} {arrived} {schedule}"
        rows = await self.c.fetch(
            "select destination, brin, sequence, status::text as status, attempts, reported_at from deliveries"
        )
        for row in rows:
            key = DeliveryKey(row["destination"], row["brin"], row["sequence"])
            lane = key.lane
            if lane not in self.unsure and row["sequence"] > self.before.get(lane, 0):
                missed = self.tried[key] - row["attempts"]  # a failure of what was reported on meanwhile is not one
                assert missed == 0 or (missed > 0 and row["reported_at"]), f"{key} {schedule}"
            if row["status"] == "delivered" and row["sequence"] > self.before.get(lane, 0):
                assert row["sequence"] in {sequence for _, sequence in self.arrivals[lane]}, f"{key} {schedule}"

    async def _copying(self, table: str) -> str:
        names = await self.c.fetchval(
            """select string_agg(quote_ident(attname), ', ') from pg_attribute
                where attrelid = $1::text::regclass and attnum > 0 and attgenerated = '' and not attisdropped""",
            table,
        )
        into = f"insert into {table} ({names}) overriding system value select {names} from saved.{table}"  # noqa: S608 - names of ours
        return f"delete from {table}; {into}"  # noqa: S608 - as above

    async def _check_held(self) -> None:
        """Whoever held a whole destination, and nobody released anything: every lane of it is held, new ones too."""
        loose = await self.c.fetch(
            "select destination, brin from lanes where destination = any($1) and not held", list(self.held_whole)
        )
        assert loose == [] or self.may_be_loose, f"not held, as their destination is: {loose}"

    async def _open_everything(self) -> None:
        for name in HELD_NAMES:
            for brins in (None, BRINS):  # a school that is held by itself stays held when all are released
                async with self.c.transaction():
                    await controls.release(self.c, name, brins, self.operator())
        for destination in self.destinations:
            async with self.c.transaction():
                await destinations.close_circuit(self.c, destination)

    async def _grant(self, brin: str) -> None:
        at = datetime.now(UTC) - LONG_AGO
        for name, (service, supplier) in MANDATES.items():
            self.mandates[brin, name] = identity = new_id(at)
            await self.c.execute(
                """insert into mandates (id, brin, service_code, supplier_oin, start_date, units, created_at,
                                         updated_at, withdrawn_at)
                   values ($1, $2, $3, $4, '2020-01-01', '[]', $5, $5, $6)""",
                identity, brin, service, supplier, at, at if name == "over" else None)  # fmt: skip

    async def record(self, c: Any, brin: str, name: str, kind: str, at: datetime) -> int:
        """Record an event under the school's next number, which its row gives out."""
        number = await c.fetchval("update schools set counter = counter + 1 where brin = $1 returning counter", brin)
        mandate = self.mandates[brin, name]
        version = await c.fetchval(
            "select coalesce(max(mandate_version), 0) + 1 from events where mandate_id = $1", mandate
        )
        units = orjson.dumps([{"branch": "", "type": kind, "routing": None, "covers": [f"{brin}00"]}]).decode()
        await c.execute(EVENT, brin, number, at, new_id(at), mandate, version, kind, units)
        return int(number)

    async def _live(self, brin: str) -> None:
        """Let a school be told of long ago: published, planned, sent."""
        at = datetime.now(UTC) - LONG_AGO
        for name, kind in PAST:
            number = await self.record(self.c, brin, name, kind, at)
            await self.c.execute(
                "insert into published_events select coalesce(max(position), 0) + 1, $1, $2, $3 from published_events",
                brin,
                number,
                at,
            )
        self.owners["last"] = (await processes.enter(self.c, "forward")).process
        async with self.c.transaction():
            await plan.plan(self.c, {brin: None}, at, 0)
        while await carry(self, self.c, "last", most=40, always=True, at=at):
            pass

    async def _subscribe(self) -> None:
        options = SubscriptionOptions(
            url="https://las.example/hook", services=("RIO", "BRON_PO", "VERZUIM"), processing_results=True
        )
        async with self.c.transaction():
            change = subscribe.AgreedRequest(options=options, allowed_rate=None)
            await subscribe.subscribe(self.c, FIRST, change, KEYS, datetime.now(UTC) - LONG_AGO)

    async def _report_long_ago(self) -> None:
        at = datetime.now(UTC) - LONG_AGO + timedelta(hours=1)
        rows = await self.c.fetch(
            """select d.id from deliveries d join destinations p on p.id = d.destination
                where p.kind = 'duo' and (p.name <> 'duo:rio' or d.sequence = 1) and d.brin = $1 or p.kind = 'las'""",
            BRINS[1])  # fmt: skip
        reports = [IncomingReport(delivery_id=r["id"], status=ReportStatus.PROCESSED, reported_at=at) for r in rows]
        async with self.c.transaction():
            await settle.apply_reports(self.c, reports, at, 0)
        while await carry(self, self.c, "last", most=40, always=True, at=at):
            pass

    async def _tell_news(self) -> None:
        at = datetime.now(UTC) - JUST_NOW
        for brin in BRINS:
            for name, kind in NEWS:
                number = await self.record(self.c, brin, name, kind, at)
                await self.c.execute("insert into event_outbox (brin, number) values ($1, $2)", brin, number)
        await self.c.execute("delete from processes")
        await self.c.execute(
            "update destinations set unsettled_from = $1 where kind = 'duo'", new_id(datetime.now(UTC))
        )
        rows = await self.c.fetch("select destination, brin, tail from lanes")
        self.before = {(row["destination"], row["brin"]): row["tail"] for row in rows}
