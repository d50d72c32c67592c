"""`osr-hub statement`: what each party owed and took in a month."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.clock import AMSTERDAM, now
from hub.commands.database import run_query
from hub.commands.operator import TokenFile
from hub.commands.output import print_json, print_line, print_table, progress_bar
from hub.commands.remote import remote_hub
from hub.domain.says import age
from hub.observe.statement import read_statement
from hub.store.objectives import default_objective
from hub.views.statement import StatementBody, show_statement, write_csv

if TYPE_CHECKING:
    from hub.commands.remote import RemoteHub
    from hub.settings import Settings
    from hub.store.pool import Connection
    from hub.views.statement import StatementLineBody

COLUMNS = (
    "party", "owed", "done", "open", "in time", "of", "p50", "p99", "failed", "refused", "given up", "rejected",
    "away", "circuit open", "held",
)  # fmt: skip
POLL_SECONDS: Final = 1.0
app = typer.Typer()


@app.command()
def statement(
    *,
    month: Annotated[str | None, typer.Option(help="The month, as 2026-11; this month when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, which a pipe gets by itself.")] = False,
    token_file: TokenFile = None,
) -> None:
    """Show what the hub, the receivers, their back offices and the schools owed and took in a month."""

    async def read(c: Connection, settings: Settings) -> StatementBody:
        with progress_bar(f"statement of {chosen}") as show:
            return show_statement(await read_statement(c, chosen, at, default_objective(settings), show))

    at = now()
    chosen = month or at.astimezone(AMSTERDAM).strftime("%Y-%m")
    remote = remote_hub(token_file)
    body = run_query(read) if remote is None else _ask(remote, chosen)
    if as_json:
        print_json(body)
    elif as_csv or not sys.stdout.isatty():
        for line in write_csv(body).splitlines():
            print_line(line)
    else:
        still = "" if body.is_over else ", which is not over"
        print_table(f"{body.month}{still}: {body.messages} messages", COLUMNS, [_row(each) for each in body.lines])


def _ask(remote: RemoteHub, month: str) -> StatementBody:
    """Ask the API, which may answer how far a statement is."""
    with progress_bar(f"statement of {month}") as show:
        while "lines" not in (answer := remote.get("statements", month)):
            show(answer["done"], answer["of"])
            time.sleep(POLL_SECONDS)
    return StatementBody.model_validate(answer)


def _row(line: StatementLineBody) -> tuple[str, ...]:
    name = line.party.value.replace("_", " ")
    return (
        f"{name} {line.destination}" if line.destination else name,
        str(line.owed),
        str(line.done),
        str(line.open),
        _share(line.share),
        _share(line.objective_share),
        age(line.p50_seconds),
        age(line.p99_seconds),
        *(_number(each) for each in (line.failed_attempts, line.refused_attempts, line.given_up, line.rejected)),
        *(age(each) for each in (line.unavailable_seconds, line.circuit_open_seconds, line.held_seconds)),
    )


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _number(number: int | None) -> str:
    return "-" if number is None else str(number)
