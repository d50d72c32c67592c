"""`osr-hub import schools|systems|mandates FILE`: a file becomes part of the register, whole or not at all."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import asyncpg
import typer
from rich.console import Console
from rich.progress import Progress as Bar

from hub import imports
from hub.clock import now
from hub.imports import Imported, Progress
from hub.register import Moment, moment
from hub.settings import load
from hub.store import wake
from hub.tracing import new_traceparent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.store.pool import Connection

app = typer.Typer(no_args_is_help=True)
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The CSV file.")]
CHANNELS: Final[tuple[wake.Channel, ...]] = ("events", "destinations")
Work: TypeAlias = "Callable[[Connection, bytes, Moment, Progress], Awaitable[Imported]]"


@app.command()
def schools(file: File) -> None:
    """Import schools and branches from DUO's open data."""
    _run("schools", file, imports.import_schools)


@app.command()
def systems(file: File) -> None:
    """Import systems: supplier_oin;system_name;service_codes."""

    async def work(c: Connection, data: bytes, _at: Moment, _progress: Progress) -> Imported:
        return await imports.import_systems(c, data)

    _run("systems", file, work)


@app.command()
def mandates(file: File) -> None:
    """Import mandates: brin;service_code;supplier_oin;start_date;end_date;branch;routing_id."""
    _run("mandates", file, imports.import_mandates)


def _run(what: str, file: Path, work: Work) -> None:
    dsn = load().database.url
    gc.disable()  # a national file makes a million objects and no cycles; looking for them costs a quarter of the time
    with _progress(what) as progress:
        done = asyncio.run(_import(dsn, file.read_bytes(), work, progress))
    print(f"{what}: {done.created} new, {done.changed} changed, {done.unchanged} unchanged; events: {done.events}")
    for note in done.notes:
        print(note)


async def _import(dsn: str, data: bytes, work: Work, progress: Progress) -> Imported:
    c = await asyncpg.connect(dsn, server_settings={"application_name": "osr-hub import", "jit": "off"})
    try:
        async with c.transaction():
            done = await work(c, data, moment(now(), new_traceparent()), progress)
        for channel in CHANNELS:
            await wake.ring(c, channel)
    finally:
        await c.close()
    return done


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """Show a bar on a terminal; elsewhere nothing but the result is told."""
    if not sys.stderr.isatty():
        yield imports.silent
        return
    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task(f"importing {what}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
