"""`osr-hub status BRIN`: the status of a school, per branch and service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.clock import now, today
from hub.commands.database import run_query
from hub.commands.operator import TokenFile
from hub.commands.output import print_json, print_table
from hub.commands.remote import remote_hub
from hub.domain.says import age
from hub.errors import NotFound
from hub.observe.status import school_status
from hub.views.status import SchoolStatusBody, show_status
from schemas.identifiers import InvalidIdentifier, parse_brin

if TYPE_CHECKING:
    from hub.settings import Settings
    from hub.store.pool import Connection
    from hub.views.status import CellBody

COLUMNS = (
    "branch", "service", "system", "mandate", "sent to", "routing id", "status", "publish", "plan", "transport",
    "processing", "remarks",
)  # fmt: skip
app = typer.Typer()


@app.command()
def status(
    brin: Annotated[str, typer.Argument(help="The school, such as 18DS.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it.")] = False,
    token_file: TokenFile = None,
) -> None:
    """Show what was sent for each branch, whether it is processed, and how long each hop took."""
    try:
        school = parse_brin(brin)
    except InvalidIdentifier as fault:
        raise typer.BadParameter(str(fault), param_hint="BRIN") from fault

    async def read(c: Connection, _settings: Settings) -> SchoolStatusBody:
        at = now()
        found = await school_status(c, school, at, today(at))
        if found is None:
            raise NotFound(f"school {school} is not in the register")
        return show_status(found)

    remote = remote_hub(token_file)
    found = run_query(read) if remote is None else remote.get("schools", school, "status")
    body = SchoolStatusBody.model_validate(found)
    if as_json:
        print_json(body)
        return
    rows = [
        (each.branch if nth == 0 else "", *_row(cell)) for each in body.branches for nth, cell in enumerate(each.cells)
    ]
    print_table(f"{body.brin} {body.name}", COLUMNS, rows)


def _row(cell: CellBody) -> tuple[str, ...]:
    hops = cell.hops
    return (
        cell.service_code,
        cell.system_name,
        f"v{cell.mandate_version} {cell.mandate_state}",
        cell.destination,
        cell.routing_id or "-",
        "needs routing" if cell.coverage == "needs_routing" else _status(cell),
        age(hops.publish_seconds),
        age(hops.plan_seconds),
        age(hops.transport_seconds),
        age(hops.processing_seconds),
        "; ".join(
            f"{signal.get('kind')} {signal.get('code') or ''} {signal.get('text') or ''}" for signal in cell.signals
        ),
    )


def _status(cell: CellBody) -> str:
    words = (cell.status or "not planned").replace("_", " ")
    return f"{words} ({cell.reason})" if cell.status and cell.reason else words
