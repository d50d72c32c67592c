"""The demo from its first line to its last. In: options of a stack, and a script. Out: printed tables, and a verdict.

It uses the hub as users do: files by `osr-hub import`, changes and questions by the API, the check by `osr-hub verify`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.demo import report
from hub.demo.cases import check_cases, find_notable
from hub.demo.fill import API_SECONDS, HOME, OTHER, import_register
from hub.demo.stage import DemoCommandFailed, DemoEnvironment
from hub.demo.story import make_changes
from hub.demo.watch import wait_until_settled
from hub.embedded.ports import LOOPBACK
from hub.embedded.stack import Stack
from hub.outbound.reqwest import open_api_client
from hub.simulators import las_process
from hub.simulators.las import LasMode
from hub.simulators.las_process import LasAddress, LasBehaviour

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rich.console import Console

    from hub.demo.cases import NotableDeliveries
    from hub.demo.fill import DemoScript, MandateImport
    from hub.demo.schools import DemoSchools
    from hub.demo.story import StoryMandates
    from hub.demo.watch import SettledAt
    from hub.embedded.options import StackOptions

LAS_DELAY: Final = 1.0
SHOWN_VIOLATIONS: Final = 10
VERDICTS: Final = (0, 1)


async def run_demo(options: StackOptions, script: DemoScript, console: Console) -> bool:
    """Run the demo on a stack of its own and return whether every result is as it must be.

    Raises `EmbeddedUnavailable` where no stack can run, `DemoCommandFailed` when a file cannot be imported, and
    `NotSettled` when something does not arrive.
    """
    began = time.monotonic()
    others = ", a simulated DUO and two simulated systems" if options.with_simulators else ""
    console.print(f"[bold]Starting[/bold] PostgreSQL, Kafka, the hub{others} …")
    async with _running_environment(options) as environment:
        passed = time.monotonic() - began
        console.print(f"  everything answers after {passed:.1f} s; its files are in {environment.stack.data.root}")
        mandate_import = await import_register(
            environment, script, (HOME, OTHER) if options.with_simulators else (), console
        )
        story = await make_changes(environment.schools(script.chosen.boards), script.chosen, script.plan)
        console.print(f"  {story.changes} more changes, made one by one through the API")
        console.print("[bold]Forwarding[/bold] to DUO's queues and the systems' webhooks …")
        settled = await wait_until_settled(environment.operations, console, is_answered=options.with_simulators)
        books = await _verify(environment)
        report.show_destinations(console, books, await environment.operations.call("GET", "/lag"))
        problems = await _show_cases(environment, script, story, console) if options.with_simulators else []
    durations = _describe_durations(mandate_import, books, settled, is_answered=options.with_simulators)
    _print_summary(script, mandate_import, books, durations, console)
    problems += [f"{one['rule']}: {one['detail']}" for one in books["violations"][:SHOWN_VIOLATIONS]]
    for problem in problems:
        console.print(f"Not as it must be: {problem}.", style="red", highlight=False)
    return bool(books["ok"]) and not problems


async def _verify(environment: DemoEnvironment) -> dict[str, Any]:
    words = ("verify", "--json")
    code, said = await environment.run(*words, is_shown=False)
    if code not in VERDICTS:
        raise DemoCommandFailed(words, code)
    books: dict[str, Any] = orjson.loads(said)
    return books


async def _show_cases(
    environment: DemoEnvironment, script: DemoScript, story: StoryMandates, console: Console
) -> list[str]:
    """Print the result of each case, and three schools; return the problems."""
    hub, chosen = environment.operations, script.chosen
    found = await find_notable(hub, script.plan)
    cases = await check_cases(hub, chosen, story, script.plan, found)
    for case in cases:
        report.show_case(console, case)
    for brin, title in _choose_shown_schools(chosen, found):
        report.show_school(console, await hub.call("GET", f"/schools/{brin}/status"), title)
    return [case.problem for case in cases if case.problem]


def _choose_shown_schools(chosen: DemoSchools, found: NotableDeliveries) -> list[tuple[str, str]]:
    """Return three schools to print, with a title each."""
    third = (chosen.moving[0].brin, "its board has changed to another system")
    if found.rejected is not None:
        third = (found.rejected["brin"], "DUO has rejected one of its mandates")
    return [
        (chosen.branched.brin, "every branch has its own routing characteristic"),
        (chosen.shared.brin, "two systems, and a branch that still needs routing"),
        third,
    ]


def _print_summary(
    script: DemoScript, mandate_import: MandateImport, books: dict[str, Any], durations: str, console: Console
) -> None:
    messages = sum(row["planned"] for row in books["destinations"])
    verdict = "the ledger is consistent" if books["ok"] else "[red]the ledger is inconsistent[/red]"
    console.print(
        f"{mandate_import.mandates:,} mandates of {script.schools:,} schools made {books['events']:,} changes and "
        f"{messages:,} messages; {durations}; {verdict}.",
        soft_wrap=True,
    )


def _describe_durations(
    mandate_import: MandateImport, books: dict[str, Any], settled: SettledAt, *, is_answered: bool
) -> str:
    """Return in words how long it took, from the beginning of the import."""
    taken, processed = settled.taken_at - mandate_import.began, settled.processed_at - mandate_import.began
    messages = sum(row["planned"] for row in books["destinations"])
    if not is_answered:
        return f"those with a receiver were taken after {taken:.1f} s, and nobody was there to answer"
    return f"all taken after {taken:.1f} s ({messages / taken:,.0f} a second), all answered after {processed:.1f} s"


@asynccontextmanager
async def _running_environment(options: StackOptions) -> AsyncIterator[DemoEnvironment]:
    """Run the stack, a client for its API, and the second system."""
    async with Stack(options) as stack, open_api_client(stack.connection["api"], API_SECONDS) as client:
        environment = DemoEnvironment(stack=stack, client=client)
        if not options.with_simulators:
            yield environment
            return
        stop = asyncio.Event()
        other = asyncio.create_task(_run_second_las(environment, stop))
        try:
            yield environment
        finally:
            stop.set()
            await other


async def _run_second_las(environment: DemoEnvironment, stop: asyncio.Event) -> None:
    """Run the second system, which subscribes once it is registered."""
    token = environment.las_token(OTHER.oin)
    address = LasAddress(
        host=LOOPBACK,
        port=0,
        url=None,
        hub=environment.stack.connection["api"],
        token=lambda: token,
        state_dir=environment.stack.data.simulators,
    )
    await las_process.run(address, LasBehaviour(oin=OTHER.oin, mode=LasMode.GOOD, delay=LAS_DELAY, reports=True), stop)
