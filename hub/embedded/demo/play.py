"""The demo from its first line to its last. In: a wish for a stack, and a script. Out: what was printed, a verdict.

Everything goes the way that users go: files by `osr-hub import`, changes and questions by the API, the books by
`osr-hub verify`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import orjson
from pyreqwest.client import ClientBuilder

from hub.embedded import simulate_las_process
from hub.embedded.demo import report
from hub.embedded.demo.cases import find_remarkable, tell_of
from hub.embedded.demo.fill import API_SECONDS, HOME, OTHER, fill
from hub.embedded.demo.stage import CommandSaidNo, Stage
from hub.embedded.demo.story import tell
from hub.embedded.demo.watch import watch
from hub.embedded.ports import LOOPBACK
from hub.embedded.simulate_las import Mode
from hub.embedded.simulate_las_process import Manners, Place
from hub.embedded.stack import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rich.console import Console

    from hub.embedded.demo.cases import Remarkable
    from hub.embedded.demo.fill import Import, Script
    from hub.embedded.demo.schools import Cast
    from hub.embedded.demo.story import Told
    from hub.embedded.demo.watch import Settled
    from hub.embedded.wish import Wish

LAS_DELAY: Final = 0.3
SHOWN_VIOLATIONS: Final = 10
VERDICTS: Final = (0, 1)


async def play(wish: Wish, script: Script, console: Console) -> bool:
    """Tell the whole story on a stack of its own and say whether all came out as it must.

    Raises `EmbeddedUnavailable` where no stack can run, `CommandSaidNo` when a file cannot be imported, `Late` when
    something does not arrive.
    """
    began = time.monotonic()
    others = ", a simulated DUO and two simulated systems" if wish.with_simulators else ""
    console.print(f"[bold]Starting[/bold] PostgreSQL, Kafka, the hub{others} …")
    async with _on_stage(wish) as stage:
        passed = time.monotonic() - began
        console.print(f"  everything answers after {passed:.1f} s; its files are in {stage.stack.data.root}")
        imported = await fill(stage, script, (HOME, OTHER) if wish.with_simulators else (), console)
        told = await tell(stage.schools(script.cast.boards), script.cast, script.plan)
        console.print(f"  {told.changes} more changes, made one by one through the API")
        console.print("[bold]Forwarding[/bold] to DUO's queues and the systems' webhooks …")
        settled = await watch(stage.operations, console, is_answered=wish.with_simulators)
        books = await _do_books(stage)
        report.show_destinations(console, books, await stage.operations.call("GET", "/lag"))
        wrong = await _show_cases(stage, script, told, console) if wish.with_simulators else []
    course = _course(imported, books, settled, is_answered=wish.with_simulators)
    _close(script, imported, books, course, console)
    wrong += [f"{one['rule']}: {one['detail']}" for one in books["violations"][:SHOWN_VIOLATIONS]]
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


async def _show_cases(stage: Stage, script: Script, told: Told, console: Console) -> list[str]:
    """Print what came of each case, and three schools; return what is not as it must be."""
    hub, cast = stage.operations, script.cast
    found = await find_remarkable(hub, script.plan)
    cases = await tell_of(hub, cast, told, script.plan, found)
    for case in cases:
        report.show_case(console, case)
    for brin, words in _telling_schools(cast, found):
        report.show_school(console, await hub.call("GET", f"/schools/{brin}/status"), words)
    return [case.wrong for case in cases if case.wrong]


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


def _close(script: Script, imported: Import, books: dict[str, Any], course: str, console: Console) -> None:
    messages = sum(row["planned"] for row in books["destinations"])
    verdict = "the books are right" if books["ok"] else "[red]the books are wrong[/red]"
    console.print(
        f"{imported.mandates:,} mandates of {script.schools:,} schools made {books['events']:,} changes and "
        f"{messages:,} messages; {course}; {verdict}.",
        soft_wrap=True,
    )


def _course(imported: Import, books: dict[str, Any], settled: Settled, *, is_answered: bool) -> str:
    """Say how long it took, from the beginning of the import."""
    taken, processed = settled.taken_at - imported.began, settled.processed_at - imported.began
    messages = sum(row["planned"] for row in books["destinations"])
    if not is_answered:
        return f"those with a receiver were taken after {taken:.1f} s, and nobody was there to answer"
    return f"all taken after {taken:.1f} s ({messages / taken:,.0f} a second), all answered after {processed:.1f} s"


@asynccontextmanager
async def _on_stage(wish: Wish) -> AsyncIterator[Stage]:
    """Run the stack, a client for its API, and the second system."""
    builder = ClientBuilder().timeout(API_SECONDS).no_proxy()
    async with Stack(wish) as stack, builder.build() as client:
        stage = Stage(stack=stack, client=client)
        if not wish.with_simulators:
            yield stage
            return
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
