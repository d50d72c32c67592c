"""What all scenarios run on: a stack of its own, its database, and a receiver in a process of its own.

In: nothing that runs already. Out: schools, systems and mandates that no other scenario uses, events for them, the
moments at which the receiver got their messages, and the end of whatever was started.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import orjson

from hub.access import Caller, Role
from hub.access.development import issue
from hub.clock import now
from hub.embedded.keys import development_keyfile
from hub.embedded.paths import DataDir
from schemas.identifiers import BgeCode, Oin
from tests.bench import events
from tests.support.receivers import raw_http
from tests.support.register.schools import BuiltSchool, add_schools, numbered_brin
from tests.support.servers.ports import free_port
from tests.support.servers.stacks import running_stack, until

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Sequence

    from tests.support.servers.stacks import RunningStack

ROOT: Final = Path(__file__).resolve().parents[2]
SETTLED_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.02
"""How often arrivals are looked at."""
LEDGER_SECONDS: Final = 0.1
"""How often the ledger is: that takes a statement each time, on the cores of what is measured."""
SETTLED: Final = """
select coalesce(sum(n), 0)::bigint from tallies where status not in ('waiting', 'retrying', 'processed', 'activated')
"""
"""By the numbers that the hub keeps: a sum over lanes reads all of them. No receiver reports what it processed, but the
deliveries of a grown ledger are reported, and retention takes them out."""
UP: Final = (sys.executable, "-m", "tests.bench.up")
EXTENSION: Final = "create extension if not exists pg_stat_statements"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that the receiver got: on which path, of which school, its number in the lane, and when."""

    path: str
    brin: str
    number: int
    at: float


@dataclass(slots=True)
class World:
    """One stack, with counters of what scenarios have taken so far."""

    stack: RunningStack
    c: asyncpg.Connection[Any]
    admin: asyncpg.Connection[Any]
    sink: str
    more: dict[str, Process] = field(default_factory=dict)
    """Processes that a scenario added."""
    _schools: int = 0
    _systems: int = 0

    @property
    def database(self) -> str:
        """The name of the hub's database."""
        return str(self.stack.connection["databaseDsn"]).rpartition("/")[2].partition("?")[0]

    def processes(self) -> dict[str, int]:
        """Return what runs, by name."""
        ours = {one["name"]: one["pid"] for one in self.stack.connection["processes"]}
        return ours | {name: process.pid for name, process in self.more.items()}

    async def add_schools(self, n: int, boards: int = 1) -> list[str]:
        """Put new schools into the register, spread over boards, and return their codes."""
        first, self._schools = self._schools, self._schools + n
        brins = [numbered_brin(first + at) for at in range(n)]
        board = first % 9000
        await add_schools(
            self.c,
            *(BuiltSchool(brin=brin, board=f"{10_000 + board + at % boards}") for at, brin in enumerate(brins)),
        )
        return brins

    async def add_systems(self, n: int, services: Sequence[str]) -> list[Oin]:
        """Put new systems with their destinations into the register, and return their suppliers' numbers."""
        first, self._systems = self._systems, self._systems + n
        oins = [Oin(f"{99_100_000 + first + at:020d}") for at in range(n)]
        await self.c.execute(events.SYSTEMS, oins, list(services))
        return oins

    async def subscribe(self, oin: str, path: str, services: Sequence[str] = ("VVA",)) -> None:
        """Subscribe a system at a path of the receiver, without reports."""
        wish = {"url": f"{self.sink}{path}", "services": list(services), "reports": False}
        await self.stack.call("POST", "/subscriptions", wish, token=self.token(Role.LAS, oin=oin))

    async def start_lanes(self, brins: Sequence[str], service: str, oins: Sequence[Oin], each: int = 1) -> None:
        """Give the schools mandates, let their first messages go out, and forget when those arrived."""
        await self.grant(brins, service, oins)
        before = await self.settled()
        await self.record(brins, each)
        await self.until_settled(before + len(brins) * each)
        await self.arrivals()

    async def grant(self, brins: Sequence[str], service: str, oins: Sequence[Oin]) -> None:
        """Give each school a mandate for one of these systems, without an event."""
        await self.c.execute(events.MANDATES, list(brins), service, list(oins))

    async def record(self, brins: Sequence[str], each: int) -> float:
        """Record this many events of each school at once, and say so; return when they were committed."""
        await self.c.execute(events.EVENTS, list(brins), each)
        committed = time.time()
        await self.c.execute("notify osr_events")
        return committed

    async def stage(self, brins: Sequence[str], each: int) -> int:
        """Make this many events of each school and put them aside; return in how many portions they can be recorded."""
        await self.c.execute(events.EMPTY_STAGE)
        await self.c.execute(events.STAGE, list(brins), each, events.PORTION)
        await self.c.execute(events.INDEX_STAGE)
        return -(-len(brins) * each // events.PORTION)

    async def record_portion(self, portion: int) -> None:
        """Record a portion of the events that were put aside, and say so."""
        await self.c.execute(events.RECORD_PORTION, portion)
        await self.c.execute("notify osr_events")

    async def settled(self) -> int:
        """Return how many deliveries have left their lanes."""
        return int(await self.c.fetchval(SETTLED))

    async def until_settled(self, n: int, within: float = SETTLED_SECONDS) -> None:
        """Wait until this many deliveries have left their lanes."""

        async def all_of_them() -> bool:
            return await self.settled() >= n

        await until(all_of_them, f"{n} deliveries settled", within=within, look=LEDGER_SECONDS)

    async def arrivals(self) -> list[Arrival]:
        """Return what the receiver got since it was last asked."""
        return [Arrival(*one) for one in orjson.loads(await self._get("/report"))]

    async def _get(self, path: str) -> bytes:
        response = await self.stack.client.get(f"{self.sink}{path}").build().send()
        return bytes(await response.bytes())

    async def until_arrived(self, n: int, path: str = "/", within: float = SETTLED_SECONDS) -> list[Arrival]:
        """Wait until the receiver has got this many messages at a path, repeats not counted, and return them all."""
        got: list[Arrival] = []
        seen: set[tuple[str, str, int]] = set()

        async def enough() -> bool:
            new = [one for one in await self.arrivals() if one.path.startswith(path)]
            got.extend(new)
            seen.update((one.path, one.brin, one.number) for one in new)
            return len(seen) >= n

        await until(enough, f"{n} messages arrived", within=within, look=LOOK_SECONDS)
        return got

    async def sample(self) -> bytes:
        """Return a body as the hub sends it; one is sent when the receiver has got none yet."""
        body = await self._get("/sample")
        if not body:
            oins = await self.add_systems(1, ["VVA"])
            await self.subscribe(oins[0], "/ok/sample")
            await self.start_lanes(await self.add_schools(1), "VVA", oins)
            body = await self._get("/sample")
        return body

    def token(self, role: Role, *, oin: str = "", board: str = "") -> str:
        """Return a development token of a caller of its own."""
        caller = Caller(
            subject=f"bench {role} {oin}{board}",
            roles=frozenset({role}),
            oins=frozenset({Oin(oin)} if oin else ()),
            bges=frozenset({BgeCode(board)} if board else ()),
        )
        return issue(development_keyfile(DataDir(self.stack.data)), caller, now=now(), audience="osr-hub")

    async def start(self, name: str, *words: str, **settings: str) -> Process:
        """Start one more program beside the stack, with the stack's settings; its output is thrown away."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *words),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, **self.stack.connection["environment"], **settings},
            cwd=ROOT,
        )
        self.more[name] = process
        return process

    async def end_others(self) -> None:
        """End what was started beside the stack, and forget what has arrived."""
        for process in self.more.values():
            with suppress(ProcessLookupError):
                process.terminate()
        for process in self.more.values():
            await _wait_or_kill(process)
        self.more.clear()
        await self.arrivals()


@asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[World]:
    """Start a stack without simulators and a receiver; end both when the context ends."""
    async with running_stack(folder, "--without-simulators", "--fresh", program=UP) as stack:
        c = await asyncpg.connect(stack.connection["databaseDsn"])
        admin = await asyncpg.connect(_admin_dsn(stack))
        await admin.execute(EXTENSION)
        port = free_port()
        receiver = await raw_http.start("tests.bench.sink", port)
        world = World(stack=stack, c=c, admin=admin, sink=f"http://127.0.0.1:{port}")
        try:
            await until(lambda: _listens(world), "the receiver listens", within=60)
            yield world
        finally:
            await world.end_others()
            receiver.kill()
            await receiver.wait()
            await c.close()
            await admin.close()


def inversions(got: Sequence[Arrival]) -> int:
    """Count messages that came after a later one of their lane, repeats left out."""
    highest: dict[tuple[str, str], int] = {}
    seen: set[tuple[str, str, int]] = set()
    inverted = 0
    for one in got:
        lane = one.path, one.brin
        is_repeat = (*lane, one.number) in seen
        inverted += one.number < highest.get(lane, 0) and not is_repeat
        highest[lane] = max(one.number, highest.get(lane, 0))
        seen.add((*lane, one.number))
    return inverted


async def _listens(world: World) -> bool:
    try:
        await world.arrivals()
    except Exception:  # noqa: BLE001 - whatever the client says while nobody listens
        return False
    return True


def _admin_dsn(stack: RunningStack) -> str:
    kept = orjson.loads((DataDir(stack.data).keys / "stack.json").read_bytes())
    return f"postgresql://postgres:{kept['admin_password']}@127.0.0.1:{kept['postgres_port']}/postgres"


async def _wait_or_kill(process: Process) -> None:
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
