"""`osr-hub sandbox`: a stack of a supplier's own, and scenes to press; shows what was sent and what came back.

Exit codes: 0 all was taken, 1 something was not, 2 cannot run here or asked wrongly.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from hub.commands.demo import empty_folder
from hub.commands.options import read_secret
from hub.commands.output import end_at_once, print_line
from hub.commands.stack_run import run_play
from hub.commands.up import DataFolder, Port
from hub.demo.sandbox_scenes import SCENES, play
from hub.demo.sandbox_stage import SandboxRequest, facts_file, running_sandbox
from hub.embedded.options import LAS_OIN, StackOptions, read_caller_settings
from hub.settings import Log, LogLevel, load
from hub.telemetry.logs import set_up_logging
from schemas.identifiers import parse_oin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hub.demo.sandbox import Exchange, Sandbox

ALL: Final = "all"
QUIT: Final = "quit"
app = typer.Typer()


@app.command("sandbox")
def sandbox(  # noqa: PLR0913 - the options of a command
    *,
    oin: Annotated[str | None, typer.Option(help="Your supplier's OIN; leave it out with --url.")] = None,
    url: Annotated[str | None, typer.Option(help="Your receiver; by default the simulated LAS.")] = None,
    secret: Annotated[
        str | None, typer.Option(envvar="OSR_HUB_SIMULATE__SECRET", help="A secret that your receiver knows: whsec_…")
    ] = None,
    scenario: Annotated[list[str] | None, typer.Option(help="Play this one; may be repeated.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Play all, one after the other.")] = False,
    without_reports: Annotated[bool, typer.Option("--without-reports", help="Your system reports nothing.")] = False,
    data_dir: DataFolder = None,
    port: Port = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier stack left in that folder.")] = False,
) -> None:
    """Start a stack of your own, subscribe your receiver, and play what happens to mandates."""
    load()
    chosen = _choose(scenario or [], everything=everything)
    set_up_logging(Log(level=LogLevel.WARNING))
    request = SandboxRequest(
        oin=_read_oin(oin, url),
        url=url,
        secret=None if secret is None else read_secret(secret),
        reports=not without_reports,
    )
    options = StackOptions(
        data_dir=empty_folder(data_dir, "sandbox", is_fresh=fresh), port=port, fresh=True, caller=read_caller_settings()
    )
    end_at_once(run_play(_play_scenes(options, request, chosen)))


def _choose(named: Sequence[str], *, everything: bool) -> list[str]:
    for name in named:
        if name not in SCENES:
            raise typer.BadParameter(
                f"'{name}' is not a scenario; choose from {', '.join(SCENES)}", param_hint="--scenario"
            )
    if not named and not everything and not sys.stdin.isatty():
        raise typer.BadParameter("not on a terminal: name scenarios by --scenario, or give --all")
    return list(SCENES) if everything else list(named)


def _read_oin(oin: str | None, url: str | None) -> str:
    if (oin is None) != (url is None):
        raise typer.BadParameter("--oin and --url go together; without both the simulated LAS is the receiver")
    if oin == LAS_OIN:
        raise typer.BadParameter(f"{LAS_OIN} is the simulated LAS; take another", param_hint="--oin")
    try:
        return LAS_OIN if oin is None else parse_oin(oin)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--oin") from fault


async def _play_scenes(options: StackOptions, request: SandboxRequest, chosen: Sequence[str]) -> bool:
    print_line("Starting PostgreSQL, Kafka and the hub …")
    async with running_sandbox(options, request) as box:
        _print_facts(box)
        results = [await _play_one(box, name) for name in chosen]
        if not chosen:
            results = [await _play_one(box, name) async for name in _ask()]
    return all(results)


async def _play_one(box: Sandbox, name: str) -> bool:
    scene = SCENES[name]
    print_line("")
    print_line(f"• {name}: {scene.title}")
    exchanges = await play(box, scene)
    for exchange in exchanges:
        _print_exchange(exchange)
    print_line(f"  your receiver should: {scene.expects}")
    return bool(exchanges) and all(exchange.is_taken for exchange in exchanges)


async def _ask() -> AsyncIterator[str]:
    """Ask on the terminal which scene comes next, until the end of the input or `quit`."""
    while True:
        print_line("")
        print_line(f"Press one: {', '.join(SCENES)}; {ALL}, or {QUIT}")
        said = await _read_line()
        match said.strip().lower():
            case "q" | "quit" | "exit" | "" if said.strip() or not said:
                return
            case "all":
                for name in SCENES:
                    yield name
            case name if name in SCENES:
                yield name
            case _:
                print_line("that is none of them")


async def _read_line() -> str:
    """Read a line of the terminal without a thread, which would keep Ctrl-C waiting."""
    loop, is_there = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), is_there.set)
    try:
        await is_there.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()


def _print_facts(box: Sandbox) -> None:
    connection = box.environment.stack.connection
    for what, where in {
        "API": connection["api"],
        "console": connection["console"],
        "receiver": f"{box.receiver.url} ({box.receiver.destination})",
        "secret and token": f"{facts_file(box.environment)} (for you alone)",
    }.items():
        print_line(f"{what:<17} {where}")


def _print_exchange(exchange: Exchange) -> None:
    message = exchange.message
    unit = message.get("branch") or "the rest of the school"
    after = message.get("previoussequence")
    number = f"number {int(message['sequence'])}" + (f" after {int(after)}" if after else ", the first")
    print_line(f"  → {message['type']}: {message['partitionkey']}, {unit}; {number}")
    for line in orjson.dumps(message, option=orjson.OPT_INDENT_2).decode().splitlines():
        print_line(f"    {line}")
    for answer in exchange.answers:
        print_line(f"  ← {answer}")
