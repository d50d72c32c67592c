"""`osr-hub parked list|retry|discard`: records that could not be used."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hub import operate
from hub.api.models import Items
from hub.api.paging import HIGHEST_LIMIT, Paging, mark_of
from hub.api.parked import ParkedBody, show_parked
from hub.clock import now
from hub.commands.asking import ACTOR, Reason, ask, press, show_json, show_table
from hub.operate import Press
from hub.store import operations

if TYPE_CHECKING:
    from hub.settings import Settings
    from hub.store.operations import Parked
    from hub.store.pool import Connection

COLUMNS = ("id", "topic", "partition", "offset", "reason", "blame", "received", "state", "detail")
app = typer.Typer(no_args_is_help=True, help="Records that could not be used.")
Id = Annotated[int, typer.Argument(help="As `parked list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="As the API answers it.")]


class Shown(StrEnum):
    """Which records are listed."""

    OPEN = "open"
    RETRIED = "retried"
    DISCARDED = "discarded"


@app.command("list")
def list_(
    *,
    state: Annotated[Shown, typer.Option(help="Which are listed.")] = Shown.OPEN,
    limit: Annotated[int, typer.Option(min=1, max=HIGHEST_LIMIT)] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where an earlier page ended.")] = None,
    as_json: Json = False,
) -> None:
    """List parked records, oldest first."""
    paging = Paging(mark=mark_of("/v1/parked"), limit=limit, cursor=cursor)

    async def read(c: Connection, _settings: Settings) -> Items[ParkedBody]:
        after = paging.after(int)
        found = await operations.list_parked(
            c, after=after[0] if after else 0, state=state.value, reason=None, most=paging.limit + 1
        )
        return paging.page(found, lambda parked: (parked.id,), show_parked)

    page = ask(read)
    if as_json:
        show_json(page)
        return
    show_table("parked", COLUMNS, [_row(each) for each in page.items])
    if page.next:
        print(f"there are more: --cursor {page.next}")


@app.command()
def retry(parked_id: Id, *, reason: Reason, as_json: Json = False) -> None:
    """Use a record after all."""

    async def work(c: Connection, _settings: Settings) -> Parked:
        return await operate.retry(c, parked_id, Press(actor=ACTOR, at=now(), reason=reason))

    _tell(show_parked(press(work, ("changes",))), as_json=as_json)


@app.command()
def discard(parked_id: Id, *, reason: Reason, as_json: Json = False) -> None:
    """Decide that a record is never used."""

    async def work(c: Connection, _settings: Settings) -> Parked:
        return await operate.discard(c, parked_id, Press(actor=ACTOR, at=now(), reason=reason))

    _tell(show_parked(press(work, ())), as_json=as_json)


def _tell(body: ParkedBody, *, as_json: bool) -> None:
    if as_json:
        show_json(body)
    else:
        print(f"parked record {body.id} is {body.state}")


def _row(each: ParkedBody) -> tuple[str, ...]:
    return (
        each.id,
        each.topic,
        str(each.partition),
        str(each.offset),
        each.reason,
        each.blame,
        each.received_at.strftime("%Y-%m-%d %H:%M:%S"),
        each.state,
        each.detail,
    )
