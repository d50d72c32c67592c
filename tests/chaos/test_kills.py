"""Kill any process during an import, or take Kafka's folder away: it moves again, the books are right, lanes in order.

Two witnesses who are not ours swear to the order: a LAS of the test's own, and a plain reader of DUO's queues. Each
round imports school years of its own for the same schools, so that the lanes go on from one kill to the next.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest
from pyreqwest.exceptions import PyreqwestError

from tests.support.receivers.receiver import Receiver, receiver
from tests.support.receivers.recording_receivers import (
    DUO_QUEUES,
    accept_all,
    events_in,
    first_arrivals,
    gaps,
    inversions,
    messages,
)
from tests.support.register.stack_register import (
    BOARDS,
    SERVICES,
    TEST_LAS,
    mandate_lines,
    sample_brins,
    write_mandates,
)
from tests.support.servers.stacks import ApiProblem, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.support.servers.stacks import CommandResult, RunningStack

pytestmark = pytest.mark.proof
PROCESSES: Final = (
    "serve",
    "produce",
    "plan",
    "forward",
    "reports",
    "simulate-duo",
    "simulate-las",
    "kafka",
    "postgres",
)
SCHOOLS: Final = 120
YEARS: Final = 2
PROBED: Final = "18DS"
MOVING_SECONDS: Final = 120.0
SETTLED_SECONDS: Final = 120.0
RESTARTING = (PyreqwestError, ApiProblem, OSError, asyncio.TimeoutError)


@dataclass(kw_only=True)
class Scene:
    """What the rounds share: the stack, the witness, tokens, and the school years that are still free."""

    stack: RunningStack
    witness: Receiver
    schools: str
    folder: Path
    say: Callable[[str], None]
    years: Iterator[int] = field(default_factory=lambda: count(2030))

    def next_file(self) -> Path:
        """Write mandates of school years that no round had: half of the schools use the witness, half the simulator."""
        years = [next(self.years) for _ in range(YEARS)]
        simulated = self.stack.connection["simulators"]["las"]["oin"]
        known = [brin for brin in sample_brins() if brin != PROBED][:SCHOOLS]
        lines = mandate_lines(known[::2], TEST_LAS, years, SERVICES) + mandate_lines(
            known[1::2], simulated, years, SERVICES
        )
        return write_mandates(self.folder / f"mandates-{years[0]}.csv", lines)

    def heard(self) -> int:
        """Say how many requests the witness has had."""
        return len(self.witness.got)


@pytest.fixture(scope="module")
async def scene(
    stack: RunningStack, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> AsyncIterator[Scene]:
    """Subscribe the witness, and have tokens ready for when the API is gone."""
    token = await stack.token("las", "--oin", TEST_LAS)
    schools = await stack.token("OSR-toegang", *(word for board in BOARDS for word in ("--bge", board)))
    async with receiver(accept_all) as witness:
        wish = {"url": witness.url, "services": ["VVA"], "reports": False}
        await stack.call("POST", "/subscriptions", wish, token=token)
        folder = tmp_path_factory.mktemp("mandates")
        yield Scene(stack=stack, witness=witness, schools=schools, folder=folder, say=partial(_say, pytestconfig))


def _say(config: pytest.Config, words: str) -> None:
    """Print a line among the tests' results, whatever is captured."""
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    with capture.global_and_fixture_disabled():
        reporter.write_line(words)


@pytest.mark.parametrize("name", PROCESSES)
async def test_a_killed_process_costs_nothing(scene: Scene, name: str) -> None:
    """After kill -9 amid an import all goes on: nothing lost, nothing doubled, every lane in order."""
    file, heard = scene.next_file(), scene.heard()
    importing = asyncio.create_task(scene.stack.run("osr-hub", "import", "mandates", str(file)))
    await _under_way(scene, heard, importing)
    killed = scene.stack.pid(name)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    moving = await _moves_again(scene)
    await _imported(scene, file, await importing)
    await _settled(scene)
    await _books_and_order(scene)
    assert scene.stack.pid(name) not in (None, killed)
    scene.say(f"\n  {name} killed: moving again after {moving:.1f} s")


async def test_kafkas_folder_may_vanish(scene: Scene) -> None:
    """With Kafka's folder gone amid an import the broker comes back empty, and all ends as if nothing had been.

    What DUO's queues lost goes out again and is processed, and the published log is whole.
    """
    file, heard = scene.next_file(), scene.heard()
    importing = asyncio.create_task(scene.stack.run("osr-hub", "import", "mandates", str(file)))
    await _under_way(scene, heard, importing)
    await asyncio.to_thread(shutil.rmtree, scene.stack.data / "kafka", ignore_errors=True)
    moving = await _moves_again(scene)
    await _imported(scene, file, await importing)
    await _settled(scene)
    await _books_and_order(scene)
    published = {event["id"] for event in events_in(await scene.stack.read_topic("osr.mandates.v1"))}
    assert len(published) == (await scene.stack.verify())["events"]
    scene.say(f"\n  Kafka's folder gone: moving again after {moving:.1f} s")


async def _under_way(scene: Scene, heard: int, importing: asyncio.Task[CommandResult]) -> None:
    """Wait until the first messages of the import have come to the witness."""

    async def begun() -> bool:
        await asyncio.sleep(0)
        return scene.heard() > heard or importing.done()

    await until(begun, "the import's first message", within=SETTLED_SECONDS, look=0.005)


async def _moves_again(scene: Scene) -> float:
    """Change something anew until the witness has it and DUO has answered; return the seconds since the kill."""
    began = time.monotonic()
    probes = [await _grant_in_the_end(scene, service) for service in ("VVA", "RIO")]

    async def arrived() -> bool:
        seen = {event["data"]["mandateId"] for event in messages(scene.witness.got, PROBED)}
        return probes[0] in seen and await _answered(scene.stack, probes[1])

    await until(arrived, "a change after the kill arrives and is answered", within=MOVING_SECONDS, look=0.02)
    return time.monotonic() - began


async def _grant_in_the_end(scene: Scene, service: str) -> str:
    """Grant a mandate of the next school year, once the API is there; a try that was cut may have been heard."""
    year = next(scene.years)
    body = {
        "brin": PROBED,
        "serviceCode": service,
        "supplierOin": TEST_LAS,
        "startDate": f"{year}-08-01",
        "endDate": f"{year + 1}-07-31",
    }
    made: list[str] = []

    async def granted() -> bool:
        with suppress(*RESTARTING):
            listed = await scene.stack.call("GET", f"/mandates?brin={PROBED}&serviceCode={service}")
            made.extend(one["id"] for one in listed["items"] if one["startDate"] == body["startDate"])
            if not made:
                made.append((await scene.stack.call("POST", "/mandates", body, token=scene.schools))["id"])
        return bool(made)

    await until(granted, "the API takes a change", within=MOVING_SECONDS, look=0.05)
    return made[0]


async def _answered(stack: RunningStack, mandate: str) -> bool:
    """Return whether DUO has processed every message, except those that it lost and that were sent again."""
    with suppress(*RESTARTING):
        items = (await stack.call("GET", f"/deliveries?mandateId={mandate}"))["items"]
        sent_again = {one["replayOf"] for one in items}
        return bool(items) and all(one["processedAt"] for one in items if one["id"] not in sent_again)
    return False


async def _imported(scene: Scene, file: Path, ran: CommandResult) -> None:
    """See to it that the file is in: an import that was cut off has left nothing, and is done again."""
    if ran.code:
        await scene.stack.done("osr-hub", "import", "mandates", str(file))


async def _settled(scene: Scene) -> None:
    """Wait until nothing is left to do."""
    last: dict[str, int] = {}

    async def settled() -> bool:
        with suppress(*RESTARTING):
            left = await scene.stack.left()
            last.clear()
            last.update(left)
            return not last
        return False

    await until(settled, last, within=SETTLED_SECONDS)


async def _books_and_order(scene: Scene) -> None:
    books = await scene.stack.verify()
    assert books["violations"] == []
    received = messages(scene.witness.got)
    assert not inversions(received)
    assert not gaps(received)
    planned = {row["destination"]: row["planned"] for row in books["destinations"]}
    assert len(list(first_arrivals(received))) == planned[f"las:{TEST_LAS}"]
    for queue in DUO_QUEUES:
        assert not inversions(events_in(await scene.stack.read_topic(queue)))
