"""`osr-hub recover`: read events that a restored database lost back from the published log."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final

import asyncpg
import typer
from aiokafka.errors import KafkaError

from hub.clock import now, today
from hub.commands.database import ACTOR
from hub.commands.options import Reason
from hub.commands.output import print_line, progress_bar
from hub.domain.retention import months_before
from hub.errors import Unavailable
from hub.kafka.reach import find_fault
from hub.recovery import RecoveryRequest, recover
from hub.settings import load
from hub.store.locks import RELAY, hold_advisory_lock
from hub.store.migrations import current_revision, newest_revision
from hub.store.notifications import notify
from hub.store.pool import DATABASE_ERRORS
from hub.store.reasons import explain
from schemas.topics import MANDATES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator
    from datetime import datetime

    from hub.commands.output import ShowProgress
    from hub.imports import Progress
    from hub.recovery import RecoveryResult
    from hub.settings import Settings
    from hub.store.pool import Connection

LOCK_TIMEOUT_SECONDS: Final = 15.0
READING: Final = "reading the log"
RECORDING: Final = "recording what was missing"
RESTORE_FIRST: Final = "Restore it under the name that OSR_HUB_DATABASE__DSN has, start it, and run this again."
app = typer.Typer()
MAX_NAMED: Final = 10
NOT_ON_THE_LOG: Final = (
    "not on the log, and so as in the backup: names and agreements, subscriptions and their secrets, what was held, "
    "cancelled or replayed, what systems reported, and the audit; the runbook says what to look at"
)
NEXT_STEPS: Final = (
    "next: import the newest files of schools and systems, start the processes, and run `osr-hub verify`"
)
NOTHING_MISSING: Final = (
    "the database has everything that was published; nothing was changed",
    "if messages went out since the backup all the same (a replay, say): `osr-hub recover --new-epoch`",
)
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
    with progress_bar(READING) as show:
        done = asyncio.run(_recover(settings, order, _two_phases(show)))
    for line in summary_lines(done, dry_run=dry_run):
        print_line(line)


def _two_phases(show: ShowProgress) -> Progress:
    """Name the phase beside the bar: the log is read first, then written down."""
    return lambda done, total: show(done, total, READING if done < total else RECORDING)


async def _recover(settings: Settings, order: RecoveryRequest, progress: Progress) -> RecoveryResult:
    async with _relay_lock(settings.direct_dsn) as c:
        await _check_schema(c)
        options = settings.kafka.client_options()
        try:
            done = await recover(c, options, order, progress)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(
                f"the published log cannot be read, and nothing has changed: {await find_fault(options, error)}",
                next_step="`osr-hub doctor` says what is wrong with Kafka; then run this again.",
            ) from error
        await notify(c, "events")
    return done


async def _check_schema(c: Connection) -> None:
    """Raise `Unavailable` unless the database has this version's schema."""
    if (schema := await current_revision(c)) != newest_revision():
        has = f"schema {schema}" if schema else "no schema"
        raise Unavailable(
            f"the database has {has}, and this version needs schema {newest_revision()}; nothing has changed",
            next_step="Run `osr-hub migrate`, then run this again.",
        )


@asynccontextmanager
async def _relay_lock(dsn: str) -> AsyncIterator[Connection]:
    """Hold the relay's lock, so that no relay publishes while the log is read."""
    lock = hold_advisory_lock(dsn, RELAY)
    try:
        async with asyncio.timeout(LOCK_TIMEOUT_SECONDS):
            c = await lock.__aenter__()
    except TimeoutError as error:
        raise Unavailable(
            "osr-produce is at work and publishes, so everything on the log is in the database",
            next_step="To recover all the same, stop osr-produce first.",
        ) from error
    except DATABASE_ERRORS as error:
        fault = explain(error)
        if isinstance(error, OSError | asyncpg.InvalidCatalogNameError):
            fault.next_step = RESTORE_FIRST
        raise fault from error
    try:
        yield c
    finally:
        await lock.__aexit__(None, None, None)


def summary_lines(done: RecoveryResult, *, dry_run: bool) -> Iterator[str]:
    """Return what was done, or would be, and the next steps."""
    if done.strange:
        yield f"records on the log that are no events of this hub, passed over: {done.strange}"
    if done.epoch is None:
        yield from NOTHING_MISSING
        return
    yield f"{'would be read back' if dry_run else 'read back'} from the log: {_what(done)}"
    yield from _side_effects(done, dry_run=dry_run)
    yield from _register(done)
    yield f"ledgerepoch {'would be' if dry_run else 'is'} {done.epoch} now"
    yield "nothing of this was kept: it was a dry run; `osr-hub recover` does it" if dry_run else NOT_ON_THE_LOG
    if not dry_run:
        yield NEXT_STEPS


def _what(done: RecoveryResult) -> str:
    if done.first is None or done.last is None:
        return "nothing, no event was missing"
    when = f"recorded from {_moment(done.first)} to {_moment(done.last)} UTC"
    return f"{_count(done.events, 'event')} of {_count(done.mandates, 'mandate')}, {when}"


def _side_effects(done: RecoveryResult, *, dry_run: bool) -> Iterator[str]:
    will = "would " if dry_run else ""
    if done.published:
        yield f"were to be published by the backup's account, and had been: {done.published}"
    if done.renumbered:
        yield f"recorded here since the restore, {will}get numbers after those of the log: {done.renumbered}"
    if done.left_out:
        yield f"left out, of mandates that were over so long ago that nothing of them is kept: {done.left_out}"
    if done.displaced:
        yield f"{will}get another place in GET /v1/events than they were published with: {done.displaced}"


def _register(done: RecoveryResult) -> Iterator[str]:
    for what, codes, file in (
        ("schools", done.made.schools, "schools"),
        ("branches", done.made.branches, "schools"),
        ("systems", done.made.systems, "systems"),
    ):
        if codes:
            told = f"{what} that the backup did not have {_named(codes)}"
            yield f"{told}; what the log does not say of them comes with `osr-hub import {file} FILE`"
    for how, turned in (("closed", done.turned.closed), ("opened", done.turned.opened)):
        if turned:
            yield f"branches that {how} since the backup {_named(turned)}"


def _named(codes: Collection[str]) -> str:
    """Return the number of codes and the first of them."""
    more = " and more" if len(codes) > MAX_NAMED else ""
    return f"({len(codes)}): {', '.join(sorted(codes)[:MAX_NAMED])}{more}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
