"""`osr-hub import schools|systems|mandates FILE`: import a CSV file, in one transaction."""

from __future__ import annotations

import asyncio
import gc
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, TypeVar

import typer

from hub import imports
from hub.clock import now
from hub.commands.database import connect
from hub.commands.differences import print_difference, print_difference_json, print_withdrawals
from hub.commands.output import print_line, progress_bar
from hub.imports import (
    MOST_WITHDRAWN,
    Imported,
    NeedsAcceptance,
    Progress,
    SchoolImportOptions,
    SchoolsImported,
    ToAccept,
    acceptance_options,
    acceptance_reasons,
)
from hub.register import Moment, moment
from hub.settings import load
from hub.store import notifications
from hub.telemetry import new_traceparent

if TYPE_CHECKING:
    from hub.store.pool import Connection

app = typer.Typer(no_args_is_help=True)
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The CSV file.")]
CHANNELS: Final[tuple[notifications.Channel, ...]] = ("events", "destinations")
Done = TypeVar("Done", bound=Imported)
Work: TypeAlias = "Callable[[Connection, bytes, Moment, Progress], Awaitable[Done]]"


@app.command()
def schools(
    file: File,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference and change nothing.")] = False,
    accept_closures: Annotated[int, typer.Option(min=0, help="So many may close, where 2 % is not enough.")] = 0,
    accept_withdrawals: Annotated[
        int, typer.Option(min=0, help=f"So many mandates may be withdrawn, where that is more than {MOST_WITHDRAWN}.")
    ] = 0,
    part: Annotated[bool, typer.Option("--part", help="The file lists a part of its schools: nothing closes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The difference as programs read it.")] = False,
) -> None:
    """Import schools and branches from DUO's open data; what the newest file of its kind leaves out closes."""
    accepted = ToAccept(closures=accept_closures, withdrawals=accept_withdrawals)
    options = SchoolImportOptions(dry_run=dry_run, is_part=part, accepted=accepted)

    async def work(c: Connection, data: bytes, at: Moment, progress: Progress) -> SchoolsImported:
        return await imports.import_schools(c, data, at, progress, options)

    try:
        done = _import_file("schools", file, work, changes=not dry_run)
    except NeedsAcceptance as error:
        error.next_step = f"See which by --dry-run. If that is right: {_accept_command(file, error.to_accept)}"
        raise
    if as_json:
        print_difference_json(done, dry_run=dry_run)
    elif dry_run:
        print_difference(done, is_whole=True)
        print_withdrawals(done)
        print_line(
            f"nothing was changed; events that would follow: {done.events}, mandates that would end: {done.ended}"
        )
        if reasons := "; ".join(acceptance_reasons(done)):
            print_line(f"{reasons}. If that is right: {_accept_command(file, done.to_accept)}")
    else:
        _print_result("schools", done)
        print_difference(done, is_whole=False)
        print_withdrawals(done)


@app.command()
def systems(file: File) -> None:
    """Import systems: supplier_oin;system_name;service_codes, and system_code for a supplier with several."""
    _print_result("systems", _import_file("systems", file, imports.import_systems))


@app.command()
def mandates(file: File) -> None:
    """Import mandates: brin;service_code;supplier_oin;start_date;end_date;branch;routing_id, and system_code."""
    _print_result("mandates", _import_file("mandates", file, imports.import_mandates))


def _accept_command(file: Path, to_accept: ToAccept) -> str:
    return " ".join(("osr-hub import schools", shlex.quote(str(file)), *acceptance_options(to_accept)))


def _print_result(what: str, done: Imported) -> None:
    print_line(f"{what}: {done.created} new, {done.changed} changed, {done.unchanged} unchanged; events: {done.events}")


def _import_file(what: str, file: Path, work: Work[Done], *, changes: bool = True) -> Done:
    dsn = load().database.url
    gc.disable()  # a national file makes a million objects and no cycles; looking for them costs a quarter of the time
    with progress_bar(f"importing {what}") as progress:
        return asyncio.run(_import(dsn, file.read_bytes(), work, progress, changes=changes))


async def _import(dsn: str, data: bytes, work: Work[Done], progress: Progress, *, changes: bool) -> Done:
    c = await connect(dsn, "osr-hub import")
    try:
        async with c.transaction(readonly=not changes):
            done = await work(c, data, moment(now(), new_traceparent(is_sampled=False)), progress)
        if changes:
            for channel in CHANNELS:
                await notifications.notify(c, channel)
    finally:
        await c.close()
    return done
