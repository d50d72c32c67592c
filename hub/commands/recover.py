"""`osr-hub recover`: what the published log has and a restored database lost is recorded again, as it was."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import Progress as Bar

from hub.clock import now, today
from hub.commands.asking import ACTOR, Reason
from hub.commands.recovered import summary_lines
from hub.domain.retention import months_before
from hub.errors import Unavailable
from hub.imports import no_progress
from hub.recovery import RecoveryRequest, recover
from hub.settings import load
from hub.store.locks import RELAY, hold_advisory_lock
from hub.store.migrations import current_revision, newest_revision
from hub.store.notifications import notify
from hub.store.pool import DATABASE_ERRORS
from schemas.topics import MANDATES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from hub.imports import Progress
    from hub.recovery import RecoveryResult
    from hub.settings import Settings
    from hub.store.pool import Connection

LOCK_TIMEOUT_SECONDS: Final = 15.0
app = typer.Typer()
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do it all, say what came of it, and undo it.")]
NewEpoch = Annotated[
    bool, typer.Option("--new-epoch", help="Let ledgerepoch rise also when the log has nothing that is missing here.")
]


@app.command(name="recover")
def command(*, dry_run: DryRun = False, new_epoch: NewEpoch = False, reason: Reason = "restored from a backup") -> None:
    """Read osr.mandates.v1 back into a database that was restored from a backup; safe to stop, and to repeat."""
    settings, at = load(), now()
    order = RecoveryRequest(
        topic=MANDATES.name,
        at=at,
        today=today(at),
        actor=ACTOR,
        reason=reason,
        forgotten_before=today(months_before(at, 12 * settings.retention.register_years)),
        dry_run=dry_run,
        new_epoch=new_epoch,
    )
    with _progress() as progress:
        done = asyncio.run(_recover(settings, order, progress))
    for line in summary_lines(done, dry_run=dry_run):
        print(line)


async def _recover(settings: Settings, order: RecoveryRequest, progress: Progress) -> RecoveryResult:
    async with _relay_lock(settings.direct_dsn) as c:
        await _check_schema(c)
        try:
            done = await recover(c, settings.kafka.client_options(), order, progress)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(
                f"the published log cannot be read, and nothing has changed: {error or type(error).__name__}",
                next_step="`osr-hub doctor` says what is wrong with Kafka; then run this again.",
            ) from error
        await notify(c, "events")
    return done


async def _check_schema(c: Connection) -> None:
    """See to it that a backup of an older version was brought to this one; raises `Unavailable`."""
    if (schema := await current_revision(c)) != newest_revision():
        has = f"schema {schema}" if schema else "no schema"
        raise Unavailable(
            f"the database has {has}, and this version needs schema {newest_revision()}; nothing has changed",
            next_step="Run `osr-hub migrate`, then run this again.",
        )


@asynccontextmanager
async def _relay_lock(dsn: str) -> AsyncIterator[Connection]:
    """Hold the relay's lock: nobody publishes while the log is read."""
    lock = hold_advisory_lock(dsn, RELAY)
    try:
        async with asyncio.timeout(LOCK_TIMEOUT_SECONDS):
            c = await lock.__aenter__()
    except TimeoutError as error:
        raise Unavailable(
            "osr-produce is at work: it publishes, so the log has nothing that the database does not have",
            next_step="To recover all the same, stop osr-produce first.",
        ) from error
    except DATABASE_ERRORS as error:
        raise Unavailable(
            f"the database does not answer: {error}",
            next_step="Restore it under the name that OSR_HUB_DATABASE__DSN has, start it, and run this again.",
        ) from error
    try:
        yield c
    finally:
        await lock.__aexit__(None, None, None)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a bar on a terminal; elsewhere nothing but the result is told."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task("reading the log", total=None)

        def show(done: int, total: int) -> None:
            words = "reading the log" if done < total else "recording what was missing"
            bar.update(task, completed=done, total=total, description=words)

        yield show
