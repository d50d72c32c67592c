"""Chaos, by seeds: every part is killed and paused, receivers misbehave, and in the end each has everything, in order.

`make chaos`: three seeds of 35,000 deliveries each, which are printed. `OSR_HUB_TEST_SEEDS=7,8,9` runs these seeds, and
`OSR_HUB_TEST_CHAOS_FILES=12` makes three times the deliveries. What takes how long is printed, and held to generous
bounds only.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import orjson
import pytest
from pyreqwest.exceptions import PyreqwestError

from tests.support import chance
from tests.support.faults import crash_points as claims
from tests.support.faults.fault_injector import SECOND, SENDERS, FaultInjector
from tests.support.faults.recovery_timing import OWNED, query_value, until_lanes_move, until_over_a_wiped_broker
from tests.support.receivers import raw_http
from tests.support.receivers.recording_receivers import DUO_QUEUES, events_in, gaps, inversions
from tests.support.register.stack_register import SERVICES, mandate_lines, sample_brins, write_mandates
from tests.support.servers.ports import free_port
from tests.support.servers.stacks import SCHOOLS, ApiProblem, running_stack, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.servers.stacks import RunningStack

pytestmark = pytest.mark.proof
SUPPLIERS: Final = tuple(f"0000009900000000{7100 + n}" for n in range(6))
BUSY: Final = 625
YEARS_PER_FILE: Final = 2
FILES: Final = int(os.environ.get("OSR_HUB_TEST_CHAOS_FILES", "4"))
ENOUGH: Final = FILES * 8_500
LEAST_ACTS: Final = 30
USUAL_SECONDS: Final = 1.2
"""So long a command takes on a machine that has nothing else to do."""
SETTLED_SECONDS: Final = 900.0
SCHEDULE: Final = ",".join(["1", "2"] + ["3"] * 60)
PAUSED_SECONDS: Final = 20.0
AWAY: Final = (PyreqwestError, ApiProblem, OSError, TimeoutError)
SETTLED: Final = (
    f"{claims.SENT} "
    "and not exists (select from deliveries where expects_report and status in ('delivered', 'in_progress'))"
)
LAS = tuple[str, str, int, int, bool, float]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A stack, and its faulty receivers."""

    stack: RunningStack
    liars: str
    folder: Path
    slowness: list[float] = field(default_factory=list)

    async def set_behaviour(self, receiver: int, behaviour: str) -> None:
        """Set the behaviour of a receiver."""
        await self.stack.client.get(f"{self.liars}/behaviour/{receiver}/{behaviour}").build().send()

    async def came(self) -> dict[int, list[LAS]]:
        """Return what arrived at each receiver, in order."""
        response = await self.stack.client.get(f"{self.liars}/report").build().send()
        told = orjson.loads(bytes(await response.bytes()))
        return {int(number): [tuple(one) for one in came] for number, came in told.items()}

    @property
    def dsn(self) -> str:
        """The database's DSN."""
        return str(self.stack.connection["databaseDsn"])


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A stack of its own for each seed, with systems whose receivers are in a process of their own."""
    monkeypatch.setenv("OSR_HUB_WEBHOOK__RETRY_SCHEDULE", SCHEDULE)
    data = Path("/var/tmp") / f"osr-hub-chaos-{os.getpid()}"  # noqa: S108 - its own folder
    port = free_port()
    liars = await raw_http.start("tests.chaos.faulty_receivers", port)
    try:
        async with running_stack(data, "--fresh") as stack:
            it = Scene(stack=stack, liars=f"http://127.0.0.1:{port}", folder=tmp_path)
            await _furnish(it)
            yield it
    finally:
        liars.kill()
        await liars.wait()
        shutil.rmtree(data, ignore_errors=True)


async def _furnish(scene: Scene) -> None:
    systems = scene.folder / "systems.csv"
    lines = [f"{oin};Storing {n};{','.join(SERVICES)}\n" for n, oin in enumerate(SUPPLIERS)]
    systems.write_text("supplier_oin;system_name;service_codes\n" + "".join(lines))
    await scene.stack.done("osr-hub", "import", "schools", str(SCHOOLS))
    began = time.monotonic()
    await scene.stack.done("osr-hub", "import", "systems", str(systems))
    scene.slowness.append(max(1.0, (time.monotonic() - began) / USUAL_SECONDS))
    for n, oin in enumerate(SUPPLIERS):
        wish = {"url": f"{scene.liars}/las/{n}", "services": list(SERVICES), "reports": False}
        await scene.stack.call("POST", "/subscriptions", wish, token=await scene.stack.token("las", "--oin", oin))


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", chance.chaos_seeds())
async def test_in_the_end_everybody_has_everything_in_order(scene: Scene, seed: int) -> None:
    """Nothing is lost, first arrivals are in order, only what was in flight comes again, and the books are right."""
    injector = FaultInjector(
        stack=scene.stack,
        seed=seed,
        slowness=scene.slowness[0],
        receivers=len(SUPPLIERS),
        set_behaviour=scene.set_behaviour,
    )
    began = time.monotonic()
    try:
        await _amid_chaos(scene, injector)
        chaos = time.monotonic() - began
        await injector.restore_all()
        await _settle(scene)
        quiet = time.monotonic() - began - chaos
        came = await scene.came()
        books = await scene.stack.verify()
        _check_books(books)
        repeats = sum([_check_receiver(books, SUPPLIERS[n], came.get(n, []), injector) for n in range(len(SUPPLIERS))])
        again = sum([await _check_queue(scene, books, queue) for queue in DUO_QUEUES])
        moved = await _moving_again(scene, injector)
    finally:
        await injector.end()
    faults = Counter(act.what for act in injector.faults)
    planned = sum(row["planned"] for row in books["destinations"])
    print(f"\nseed {seed}: {planned:,} deliveries, {injector.kills} kills, {faults['pause']} pauses")
    print(f"  {chaos:.0f} s of chaos, {quiet:.0f} s until all was settled; acts: {dict(faults)}")
    print(f"  repeats: {repeats} at receivers, {again} in queues, all under their ids")
    print("\n".join(f"  {line}" for line in moved))


async def _amid_chaos(scene: Scene, injector: FaultInjector) -> None:
    done = asyncio.Event()
    await injector.ensure_second()
    long_pause = asyncio.create_task(_doze(scene, injector))
    playing = asyncio.create_task(injector.inject(done, LEAST_ACTS))
    try:
        for n in range(FILES):
            await _import(scene, range(2027 + n * YEARS_PER_FILE, 2027 + (n + 1) * YEARS_PER_FILE))
        await until(lambda: _mostly_taken(scene), "most of it is taken", within=SETTLED_SECONDS, look=1.0)
        await long_pause
    finally:
        long_pause.cancel()
        done.set()
        await playing


async def _doze(scene: Scene, injector: FaultInjector) -> None:
    """Pause the second forwarder for a minute while it has leased lanes."""

    async def has_lanes() -> bool:
        return bool(await query_value(scene.dsn, f"select exists ({OWNED})", injector.pid(SECOND)))

    await until(has_lanes, "the second forwarder has lanes", within=SETTLED_SECONDS, look=0.005)
    await injector.pause_long(SECOND)


async def _mostly_taken(scene: Scene) -> bool:
    taken = await query_value(scene.dsn, "select coalesce(sum(head), 0) from lanes")
    return bool(taken and taken > ENOUGH * 0.8)


async def _import(scene: Scene, years: range) -> None:
    """Import a file of mandates until it is in; a try that was cut off has left nothing, or everything."""
    schools = sample_brins()[:BUSY]
    lines = [
        line
        for n, oin in enumerate(SUPPLIERS)
        for line in mandate_lines(schools[n :: len(SUPPLIERS)], oin, years, SERVICES)
    ]
    file = write_mandates(scene.folder / f"mandates-{years[0]}.csv", lines)

    async def is_in() -> bool:
        with suppress(OSError, ValueError):
            await scene.stack.run("osr-hub", "import", "mandates", str(file))
        found = await query_value(
            scene.dsn,
            "select count(*) from mandates where extract(year from start_date) between $1 and $2",
            years[0],
            years[-1],
        )
        return bool(found == len(lines))

    await until(is_in, f"{file.name} is in", within=SETTLED_SECONDS, look=0.5)


async def _settle(scene: Scene) -> None:
    """Wait until nothing is left; make lanes due that a receiver refused for a while, as an operator would."""
    pressed = 0.0

    async def settled() -> bool:
        nonlocal pressed
        if await query_value(scene.dsn, f"select {SETTLED}"):
            return True
        if time.monotonic() - pressed > 5:
            pressed = time.monotonic()
            await _wake(scene)
        return False

    await until(settled, "everything is settled", within=SETTLED_SECONDS, look=0.5)


async def _wake(scene: Scene) -> None:
    for kind in ("las", "las-copy"):
        for oin in SUPPLIERS:
            for button in ("hold", "release"):
                with suppress(*AWAY):
                    body = {"brins": None, "reason": "the receiver is honest again"}
                    await scene.stack.call("POST", f"/destinations/{kind}:{oin}/{button}", body)


def _check_books(books: dict[str, Any]) -> None:
    assert books["violations"] == []
    assert sum(row["planned"] for row in books["destinations"]) >= ENOUGH
    for row in books["destinations"]:
        assert (row["waiting"], row["retrying"], row["dead"], row["cancelled"]) == (0, 0, 0, 0), row


def _check_receiver(books: dict[str, Any], oin: str, came: list[LAS], injector: FaultInjector) -> int:
    """Hold what came to one receiver to the promises, and count what came again."""
    planned = {row["destination"]: row["planned"] for row in books["destinations"]}
    events = [{"id": one[0], "partitionkey": one[1], "sequence": one[2], "previoussequence": one[3]} for one in came]
    _check_lanes(events, planned[f"las:{oin}"] + planned[f"las-copy:{oin}"])
    last: dict[str, LAS] = {}
    for one in came:
        if one[0] in last:
            _check_repeat(last[one[0]], one, injector)
        last[one[0]] = one
    return len(came) - len(last)


def _check_repeat(before: LAS, again: LAS, injector: FaultInjector) -> None:
    """What was taken at once comes again only when a forwarder, or the database, was hit meanwhile."""
    assert before[1:4] == again[1:4]
    was_taken, came_at, again_at = before[4], before[5], again[5]
    hit = any(came_at - PAUSED_SECONDS < act.at < again_at for act in injector.faults if act.victim in SENDERS)
    assert not was_taken or hit, (before, again)


async def _check_queue(scene: Scene, books: dict[str, Any], queue: str) -> int:
    """Hold what lies in a queue of DUO to the promises, and count what lies there again."""
    events = events_in(await scene.stack.read_topic(queue))
    name = queue.removesuffix(".v1").replace(".", ":")
    _check_lanes(events, next(row["planned"] for row in books["destinations"] if row["destination"] == name))
    return len(events) - len({event["id"] for event in events})


def _check_lanes(events: list[dict[str, Any]], planned: int) -> None:
    """See that nothing is lost: first arrivals in order, numbered from 1 without gaps, and an id per number."""
    ids = {event["id"]: (event["partitionkey"], int(event["sequence"])) for event in events}
    assert len(ids) == len(set(ids.values())) == planned
    assert not inversions(events)
    assert not gaps(events)
    tails = dict(sorted(ids.values()))
    assert sum(tails.values()) == planned


async def _moving_again(scene: Scene, injector: FaultInjector) -> list[str]:
    """Kill a forwarder that has lanes, then remove Kafka's folder; return in words how long each recovery took."""
    c = await asyncpg.connect(scene.dsn)
    try:
        importing = asyncio.create_task(_import(scene, range(2060, 2062)))
        pid = scene.stack.pid("forward")
        assert pid is not None
        lanes, (freed, crash, half, whole) = await until_lanes_move(c, pid, lambda: injector.kill("forward"))
        await importing
        wiped = await until_over_a_wiped_broker(scene.stack, c, sample_brins()[BUSY], SUPPLIERS[0], 2070)
    finally:
        await c.close()
    books = await scene.stack.verify()
    assert books["violations"] == []
    others = f"others had its {lanes} lanes after {freed:.1f} s"
    return [
        f"worker crash \u2192 moving again after {crash:.1f} s ({others}, half moved: {half:.1f}, all: {whole:.1f} s)",
        f"broker wiped \u2192 moving again after {wiped:.1f} s",
    ]
