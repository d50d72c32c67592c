"""`osr-hub lag`: lag per destination, its cause, and what to do."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.clock import now
from hub.commands.database import run_query
from hub.commands.operator import TokenFile
from hub.commands.output import local_time, print_json, print_line, print_table
from hub.commands.remote import remote_hub
from hub.commands.screen import Grid, GridCell, Sentence, Tone, repeat, show, watch
from hub.domain.cause import Cause
from hub.domain.lag import HOPS
from hub.domain.says import age
from hub.observe.lag import LagReader
from hub.store.objectives import default_objective
from hub.views.status import LagBody, show_lag

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.commands.remote import RemoteHub
    from hub.commands.screen import Part
    from hub.settings import Settings
    from hub.store.pool import Connection
    from hub.views.status import DestinationLagBody, HopBody

COLUMNS = (
    "destination", "state", "circuit", "waiting", "held", "retrying", "unprocessed", "dead", "undelivered for",
    "unprocessed for", "publish", "plan", "transport", "processing", "cause",
)  # fmt: skip
LATE_COLUMNS = ("destination", "cause", "waiting", "held", "again", "no report", "dead", "oldest")
HOP_COLUMNS = ("destination", *HOPS)
OURS_TO_MEND: Final = frozenset({Cause.HUB, Cause.RECEIVER_DOWN, Cause.RECEIVER_SLOW, Cause.REFUSED})
app = typer.Typer()


@app.command()
def lag(
    *,
    watched: Annotated[bool, typer.Option("--watch", help="Again and again, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.5, max=3600, help="Seconds between two looks of `--watch`.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it.")] = False,
    token_file: TokenFile = None,
) -> None:
    """Show the lag per destination and why; hops are p50 and p99 of the last five minutes."""
    remote = remote_hub(token_file)

    def look() -> LagBody:
        return _read(remote)

    if watched and not as_json and sys.stdout.isatty():
        watch(lambda: _parts(look()), every)
    elif watched:
        _print_often(look, every, as_json=as_json)
    else:
        _print(look(), as_json=as_json)


def _read(remote: RemoteHub | None) -> LagBody:
    if remote is not None:
        return LagBody.model_validate(remote.get("lag"))

    async def read(c: Connection, settings: Settings) -> LagBody:
        return show_lag(await LagReader(default_objective(settings)).read(c, now()))

    return run_query(read)


def _print_often(look: Callable[[], LagBody], seconds: float, *, as_json: bool) -> None:
    def show_once() -> None:
        _print(look(), as_json=as_json)
        time.sleep(seconds)

    repeat(show_once)


def _print(body: LagBody, *, as_json: bool) -> None:
    if as_json:
        print_json(body)
    elif sys.stdout.isatty():
        show(_parts(body))
    else:
        print_table(_title(body), COLUMNS, [_row(each) for each in body.destinations])
        for sentence in _sentences(body):
            print_line(sentence.words)


def _title(body: LagBody) -> str:
    return f"unpublished {body.unpublished_events}, unplanned {body.unplanned_events}, parked {body.parked}"


def _parts(body: LagBody) -> list[Part]:
    """Return what a terminal shows: who is late, how long each hop takes, and what to do about it."""
    return [
        Sentence(f"{local_time(body.at)}: {_title(body)}", Tone.LATE if body.parked else Tone.TITLE),
        Grid(title="what is late", columns=LATE_COLUMNS, rows=[_late(each) for each in body.destinations], names=2),
        Grid(title="p50 / p99 of each hop", columns=HOP_COLUMNS, rows=[_hops(each) for each in body.destinations]),
        *_sentences(body),
    ]


def _sentences(body: LagBody) -> list[Sentence]:
    stuck = [Sentence(f"{role.role}: {fault.says}", Tone.BAD) for role in body.processes for fault in role.faults]
    unread = [
        Sentence(f"{topic.topic}: {topic.records} not read, the oldest for {age(topic.oldest_seconds)}", Tone.LATE)
        for topic in body.unread
        if topic.records
    ]
    late = [
        Sentence(f"{each.destination}: {each.says}", _tone(each))
        for each in body.destinations
        if each.cause != Cause.NONE or each.dead
    ]
    return [*stuck, *unread, *late]


def _tone(each: DestinationLagBody) -> Tone:
    if each.cause in OURS_TO_MEND or each.dead:
        return Tone.BAD
    return Tone.GOOD if each.cause == Cause.NONE else Tone.LATE


def _late(each: DestinationLagBody) -> list[GridCell]:
    ages = (each.oldest_undelivered_seconds, each.oldest_unprocessed_seconds)
    counts = (each.waiting, each.held, each.retrying, each.unprocessed)
    return [
        GridCell(each.destination),
        GridCell(each.cause.replace("_", " "), _tone(each)),
        *(GridCell(str(count), Tone.TITLE if count else Tone.PLAIN) for count in counts),
        GridCell(str(each.dead), Tone.BAD if each.dead else Tone.PLAIN),
        GridCell(age(max((each for each in ages if each is not None), default=None))),
    ]


def _hops(each: DestinationLagBody) -> list[GridCell]:
    return [GridCell(each.destination), *(GridCell(_hop(each.hops[hop])) for hop in HOPS)]


def _row(each: DestinationLagBody) -> tuple[str, ...]:
    return (
        each.destination,
        each.state,
        each.circuit,
        str(each.waiting),
        str(each.held),
        str(each.retrying),
        str(each.unprocessed),
        str(each.dead),
        age(each.oldest_undelivered_seconds),
        age(each.oldest_unprocessed_seconds),
        *(_hop(each.hops[hop]) for hop in HOPS),
        each.cause,
    )


def _hop(hop: HopBody) -> str:
    return "-" if hop.p50 is None else f"{age(hop.p50)} / {age(hop.p99)}"
