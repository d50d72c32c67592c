"""What commands that look or press have in common: one connection, and tables for people or programs."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import asyncpg
import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from hub.errors import Unavailable
from hub.operations.controls import EMPTY_REASON, MAX_REASON_LENGTH
from hub.settings import load
from hub.store.notifications import notify
from hub.store.people import SystemActor
from hub.store.pool import DATABASE_ERRORS, prefer_index_lookups

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hub.settings import Settings
    from hub.store.notifications import Channel
    from hub.store.pool import Connection

    Work = Callable[[Connection, Settings], Awaitable["Answer"]]

Answer = TypeVar("Answer")
ACTOR: Final = SystemActor.COMMAND_LINE
CONNECT_TIMEOUT_SECONDS: Final = 10.0
COLUMN_GAP: Final = "  "


def check_reason(reason: str | None) -> str | None:
    """Let a reason through that says something."""
    if reason is not None and not reason.strip():
        raise typer.BadParameter(EMPTY_REASON)
    if reason is not None and len(reason) > MAX_REASON_LENGTH:
        raise typer.BadParameter(f"it has {len(reason)} characters; {MAX_REASON_LENGTH} is the most")
    return reason


REASON_OPTION: Final = typer.Option("--reason", help="Why; it stands in the audit.", callback=check_reason)
Reason = Annotated[str, REASON_OPTION]


def run_query(work: Callable[[Connection, Settings], Awaitable[Answer]]) -> Answer:
    """Answer a question on a connection of its own; `Unavailable` when the database does not answer."""
    settings = load()
    return asyncio.run(_run_query(work, settings))


def run_change(work: Callable[[Connection, Settings], Awaitable[Answer]], channels: Sequence[Channel]) -> Answer:
    """Press a button: do the work in one transaction, then ring these bells."""

    async def pressed(c: Connection, settings: Settings) -> Answer:
        async with c.transaction():
            answer = await work(c, settings)
        for channel in channels:
            await notify(c, channel)
        return answer

    return run_query(pressed)


def print_json(body: object) -> None:
    """Print a body as programs read it, the same as the API's."""
    text = TypeAdapter(type(body)).dump_json(body, by_alias=True, indent=2)
    print(text.decode())


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with lines and colours on a terminal, plain columns in a pipe."""
    if sys.stdout.isatty():
        table = Table(title=title, title_justify="left", header_style="bold")
        for column in columns:
            table.add_column(column)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
        return
    widths = [max(len(row[nth]) for row in (columns, *rows)) for nth in range(len(columns))]
    print(title)
    for row in (columns, *rows):
        print(COLUMN_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


async def _run_query(work: Callable[[Connection, Settings], Awaitable[Answer]], settings: Settings) -> Answer:
    try:
        c = await asyncpg.connect(
            settings.database.url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings={"application_name": "osr-hub command", "jit": "off"},
        )
    except DATABASE_ERRORS as error:
        raise Unavailable(f"the database does not answer: {error or type(error).__name__}") from error
    try:
        await prefer_index_lookups(c)
        return await work(c, settings)
    except asyncpg.UndefinedTableError as error:
        raise Unavailable("the database has no schema yet", next_step="Run `osr-hub migrate`.") from error
    finally:
        await c.close()
