"""`osr-hub parked list|retry|discard`: records that could not be used."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hub.commands.database import run_change, run_query
from hub.commands.operator import TokenFile, identify_actor
from hub.commands.options import Reason
from hub.commands.output import local_time, print_json, print_line, print_table
from hub.commands.remote import remote_hub
from hub.operations import controls
from hub.store import operations
from hub.views.models import Items
from hub.views.paging import HIGHEST_LIMIT, Paging, list_fingerprint
from hub.views.parked import ParkedBody, show_listed, show_parked

if TYPE_CHECKING:
    from pathlib import Path

    from hub.settings import Settings
    from hub.store.operations import Parked
    from hub.store.pool import Connection

COLUMNS = ("id", "topic", "partition", "offset", "reason", "blame", "received", "state", "detail")
app = typer.Typer(no_args_is_help=True, help="Records that could not be used.")
Id = Annotated[int, typer.Argument(help="As `parked list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="As the API answers it.")]


class ParkedState(StrEnum):
    """Which records are listed."""

    OPEN = "open"
    RETRIED = "retried"
    DISCARDED = "discarded"


@app.command("list")
def list_(
    *,
    state: Annotated[ParkedState, typer.Option(help="Which are listed.")] = ParkedState.OPEN,
    limit: Annotated[int, typer.Option(min=1, max=HIGHEST_LIMIT)] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where an earlier page ended.")] = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List parked records, oldest first."""
    paging = Paging(fingerprint=list_fingerprint("/v1/parked"), limit=limit, cursor=cursor)

    async def read(c: Connection, _settings: Settings) -> Items[ParkedBody]:
        after = paging.after(int)
        found = await operations.list_parked(
            c, after=after[0] if after else 0, state=state.value, reason=None, most=paging.limit + 1
        )
        return paging.page(found, lambda parked: (parked.id,), show_listed)

    if (remote := remote_hub(token_file)) is not None:
        listed = remote.get("parked", state=state.value, limit=limit, cursor=cursor)
        page = Items[ParkedBody].model_validate(listed)
    else:
        page = run_query(read)
    if as_json:
        print_json(page)
        return
    print_table("parked", COLUMNS, [_row(each) for each in page.items])
    if page.next:
        print_line(f"there are more: --cursor {page.next}")


@app.command()
def retry(parked_id: Id, *, reason: Reason, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Retry a record."""
    _print_record(_decide("retry", parked_id, reason, token_file), as_json=as_json)


@app.command()
def discard(parked_id: Id, *, reason: Reason, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Discard a record for good."""
    _print_record(_decide("discard", parked_id, reason, token_file), as_json=as_json)


def _decide(decision: Literal["retry", "discard"], parked_id: int, reason: str, token_file: Path | None) -> ParkedBody:
    if (remote := remote_hub(token_file)) is not None:
        return ParkedBody.model_validate(remote.post("parked", parked_id, decision, reason=reason))
    decide = controls.retry if decision == "retry" else controls.discard

    async def work(c: Connection, settings: Settings) -> Parked:
        actor = await identify_actor(settings, token_file, reason)
        return await decide(c, parked_id, actor, settings.operations.four_eyes_above)

    return show_parked(run_change(work, ("changes",) if decision == "retry" else ()))


def _print_record(body: ParkedBody, *, as_json: bool) -> None:
    if as_json:
        print_json(body)
    else:
        print_line(f"parked record {body.id} is {body.state}")


def _row(each: ParkedBody) -> tuple[str, ...]:
    return (
        each.id,
        each.topic,
        str(each.partition),
        str(each.offset),
        each.reason,
        each.blame,
        local_time(each.received_at),
        each.state,
        each.detail,
    )
