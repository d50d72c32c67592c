"""What recovering came to, in words. In: what was brought in, or would be. Out: lines for a terminal or a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from hub.recovery import RecoveryResult

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


def summary_lines(done: RecoveryResult, *, dry_run: bool) -> Iterator[str]:
    """Say what was done, or would be, and what comes next."""
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
    """Say how many there are, and name the first of them."""
    more = " and more" if len(codes) > MAX_NAMED else ""
    return f"({len(codes)}): {', '.join(sorted(codes)[:MAX_NAMED])}{more}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
