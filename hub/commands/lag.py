"""`osr-hub lag`: lag per destination, its cause, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.clock import now
from hub.commands.database import run_query
from hub.commands.output import print_json, print_line, print_table
from hub.domain.says import age
from hub.observe.lag import LagReader
from hub.store.objectives import default_objective
from hub.views.status import show_lag

if TYPE_CHECKING:
    from hub.settings import Settings
    from hub.store.pool import Connection
    from hub.views.status import DestinationLagBody, HopBody, LagBody

COLUMNS = (
    "destination", "state", "circuit", "waiting", "held", "retrying", "unprocessed", "dead", "undelivered for",
    "unprocessed for", "publish", "plan", "transport", "processing", "cause",
)  # fmt: skip
app = typer.Typer()


@app.command()
def lag(*, as_json: Annotated[bool, typer.Option("--json", help="As the API answers it.")] = False) -> None:
    """Show the lag per destination and why; hops are p50 and p99 of the last five minutes."""

    async def read(c: Connection, settings: Settings) -> LagBody:
        return show_lag(await LagReader(default_objective(settings)).read(c, now()))

    body = run_query(read)
    if as_json:
        print_json(body)
        return
    title = f"unpublished {body.unpublished_events}, unplanned {body.unplanned_events}, parked {body.parked}"
    print_table(title, COLUMNS, [_row(each) for each in body.destinations])
    for role in body.processes:
        for fault in role.faults:
            print_line(f"{role.role}: {fault.says}")
    for topic in body.unread:
        if topic.records:
            print_line(f"{topic.topic}: {topic.records} not read, the oldest for {age(topic.oldest_seconds)}")
    for each in body.destinations:
        if each.cause != "none" or each.dead:
            print_line(f"{each.destination}: {each.says}")


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
        *(_hop(each.hops[hop]) for hop in ("publish", "plan", "transport", "processing")),
        each.cause,
    )


def _hop(hop: HopBody) -> str:
    return "-" if hop.p50 is None else f"{age(hop.p50)} / {age(hop.p99)}"
