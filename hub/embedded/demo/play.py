"""The demo from its first line to its last. In: a wish for a stack, and a script. Out: what was printed, a verdict.

Everything goes the way that users go: files by `osr-hub import`, changes and questions by the API, the books by
`osr-hub verify`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
from pyreqwest.client import ClientBuilder

from hub.clock import now, today
from hub.embedded import simulate_las_process
from hub.embedded.demo import report
from hub.embedded.demo.cases import find_remarkable, tell_of
from hub.embedded.demo.schools import Plan, System, choose_cast, read_schools, write_mandates, write_systems
from hub.embedded.demo.stage import CommandSaidNo, Stage
from hub.embedded.demo.story import tell
from hub.embedded.demo.watch import watch
from hub.embedded.ports import LOOPBACK
from hub.embedded.simulate_las import Mode
from hub.embedded.simulate_las_process import Manners, Place
from hub.embedded.stack import Stack
from hub.embedded.wish import LAS_OIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rich.console import Console

    from hub.embedded.demo.cases import Remarkable
    from hub.embedded.demo.schools import Cast
    from hub.embedded.demo.story import Told
    from hub.embedded.demo.watch import Settled
    from hub.embedded.wish import Wish

SAMPLE: Final = Path(__file__).parents[1] / "samples" / "schools.csv"
HOME: Final = System(oin=LAS_OIN, name="Zandloper")
OTHER: Final = System(oin="00000099000000002000", name="Kompas")
LAS_DELAY: Final = 0.3
API_SECONDS: Final = 30.0
SHOWN_VIOLATIONS: Final = 10
VERDICTS: Final = (0, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What is played: the file of schools and how many it has, the cast, and the plan behind the mandates."""

    file: Path
    schools: int
    cast: Cast
    plan: Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """How many mandates were imported, and when that began, in seconds of the monotonic clock."""

    mandates: int
    began: float


def write_script(file: Path, mandates: int) -> Script:
    """Read the schools and cast them; `NoCast` when there are too few, `InvalidInput` when it is no such file."""
    schools = read_schools(file.read_bytes())
    plan = Plan(home=HOME, other=OTHER, mandates=mandates, today=today(now()))
    return Script(file=file, schools=len(schools), cast=choose_cast(schools), plan=plan)


async def play(wish: Wish, script: Script, console: Console) -> bool:
    """Tell the whole story on a stack of its own and say whether all came out as it must.

    Raises `EmbeddedUnavailable` where no stack can run, `CommandSaidNo` when a file cannot be imported, `Late` when
    something does not arrive.
    """
    began = time.monotonic()
    console.print("[bold]Starting[/bold] PostgreSQL, Kafka, the hub, a simulated DUO and two simulated systems …")
    async with _on_stage(wish) as stage:
        passed = time.monotonic() - began
        console.print(f"  everything answers after {passed:.1f} s; its files are in {stage.stack.data.root}")
        imported = await _fill(stage, script, console)
        told = await tell(stage.schools(script.cast.boards), script.cast, script.plan)
        console.print(f"  {told.changes} more changes, made one by one through the API")
        console.print("[bold]Forwarding[/bold] to DUO's queues and the systems' webhooks …")
        settled = await watch(stage.operations, console)
        books = await _do_books(stage)
        wrong = await _show(stage, script, told, books, console)
    _close(script, imported, books, settled, console)
    for words in wrong:
        console.print(f"Not as it must be: {words}.", style="red", highlight=False)
    return bool(books["ok"]) and not wrong


async def _do_books(stage: Stage) -> dict[str, Any]:
    words = ("verify", "--json")
    code, said = await stage.run(*words, is_shown=False)
    if code not in VERDICTS:
        raise CommandSaidNo(words, code)
    books: dict[str, Any] = orjson.loads(said)
    return books


async def _show(stage: Stage, script: Script, told: Told, books: dict[str, Any], console: Console) -> list[str]:
    """Print what came of it; return what is not as it must be."""
    hub, cast = stage.operations, script.cast
    report.show_destinations(console, books, await hub.call("GET", "/lag"))
    found = await find_remarkable(hub, script.plan)
    cases = await tell_of(hub, cast, told, script.plan, found)
    for case in cases:
        report.show_case(console, case)
    for brin, words in _telling_schools(cast, found):
        report.show_school(console, await hub.call("GET", f"/schools/{brin}/status"), words)
    violations = [f"{one['rule']}: {one['detail']}" for one in books["violations"][:SHOWN_VIOLATIONS]]
    return [case.wrong for case in cases if case.wrong] + violations


def _telling_schools(cast: Cast, found: Remarkable) -> list[tuple[str, str]]:
    """Choose three schools to look at closely."""
    third = (cast.moving[0].brin, "its board has changed to another system")
    if found.rejected is not None:
        third = (found.rejected["brin"], "DUO has rejected one of its mandates")
    return [
        (cast.branched.brin, "every branch has its own routing characteristic"),
        (cast.shared.brin, "two systems, and a branch that still needs routing"),
        third,
    ]


def _close(script: Script, imported: Import, books: dict[str, Any], settled: Settled, console: Console) -> None:
    messages = sum(row["planned"] for row in books["destinations"])
    taken, processed = settled.taken_at - imported.began, settled.processed_at - imported.began
    verdict = "the books are right" if books["ok"] else "[red]the books are wrong[/red]"
    console.print(
        f"{imported.mandates:,} mandates of {script.schools:,} schools made {books['events']:,} changes and "
        f"{messages:,} messages; all taken {taken:.1f} s after the import began ({messages / taken:,.0f}/s), "
        f"all answered after {processed:.1f} s; {verdict}.",
        soft_wrap=True,
    )


@asynccontextmanager
async def _on_stage(wish: Wish) -> AsyncIterator[Stage]:
    """Run the stack, a client for its API, and the second system."""
    builder = ClientBuilder().timeout(timedelta(seconds=API_SECONDS)).no_proxy()
    async with Stack(wish) as stack, builder.build() as client:
        stage = Stage(stack=stack, client=client)
        stop = asyncio.Event()
        other = asyncio.create_task(_be_other(stage, stop))
        try:
            yield stage
        finally:
            stop.set()
            await other


async def _be_other(stage: Stage, stop: asyncio.Event) -> None:
    """Be the second system; it subscribes once it is registered."""
    token = stage.las_token(OTHER.oin)
    place = Place(
        host=LOOPBACK,
        port=0,
        url=None,
        hub=stage.stack.connection["api"],
        token=lambda: token,
        state_dir=stage.stack.data.simulators,
    )
    await simulate_las_process.run(place, Manners(oin=OTHER.oin, mode=Mode.GOOD, delay=LAS_DELAY, reports=True), stop)


async def _fill(stage: Stage, script: Script, console: Console) -> Import:
    """Import schools, systems and mandates."""
    systems, mandates = (stage.stack.data.root / f"demo-{name}.csv" for name in ("systems", "mandates"))
    console.print(f"[bold]Importing[/bold] real schools from {script.file.name}, and mandates that are made up …")
    await stage.done("import", "schools", str(script.file))
    write_systems(systems, (HOME, OTHER))
    await stage.done("import", "systems", str(systems))
    await stage.subscribed((HOME.oin, OTHER.oin))
    count = write_mandates(mandates, script.cast, script.plan)
    began = time.monotonic()
    await stage.done("import", "mandates", str(mandates))
    return Import(mandates=count, began=began)
