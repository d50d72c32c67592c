"""Waits until all is settled. In: `GET /v1/lag`, ten times a second. Out: when that was, or what is late.

It ends when two looks in a row find nothing left to do, because the numbers of one look are not of one moment; or when
nothing has become less for a long while.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from hub.simulators.hub import HubClient

LOOK_SECONDS: Final = 0.1
LINE_SECONDS: Final = 2.0
STALLED_SECONDS: Final = 60.0
MAX_SECONDS: Final = 1200.0


class NotSettled(Exception):  # noqa: N818 - named after the fact it states
    """Something is late and does not move; the message says what and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettledAt:
    """When all was taken by its receiver, and when all was processed: seconds of the monotonic clock."""

    taken_at: float
    processed_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RemainingWork:
    """The work that is left, by one look."""

    unplanned: int
    untaken: Mapping[str, int]
    unprocessed: Mapping[str, int]

    @property
    def untaken_in_all(self) -> int:
        """How many changes and messages have not reached their receiver."""
        return self.unplanned + sum(self.untaken.values())

    @property
    def in_all(self) -> int:
        """How much there is to do."""
        return self.untaken_in_all + sum(self.unprocessed.values())


class ProgressView:
    """Shows progress: bars on a terminal, a line every two seconds in a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("  {task.description:<34}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True
        )
        self._tasks: dict[str, Any] = {}
        self._most: dict[str, int] = {}
        self._started = self._said_at = time.monotonic()

    def __enter__(self) -> ProgressView:  # noqa: PYI034 - no subclass
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def show(self, left: RemainingWork) -> None:
        """Show one look."""
        if self._console.is_terminal:
            self._draw(left)
        elif time.monotonic() - self._said_at >= LINE_SECONDS:
            self._said_at = time.monotonic()
            passed = self._said_at - self._started
            self._console.print(
                f"  {passed:5.1f} s: {left.untaken_in_all:,} on their way, "
                f"{sum(left.unprocessed.values()):,} taken and not yet processed"
            )

    def _draw(self, left: RemainingWork) -> None:
        for name in left.untaken:
            now = left.untaken[name] + left.unprocessed[name]
            most = self._most[name] = max(now, self._most.get(name, 0))
            if not most:
                continue
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name)
            self._bars.update(self._tasks[name], total=most, completed=most - now)


class SettlingProgress:
    """The progress that the looks so far show together."""

    def __init__(self, at: float) -> None:
        self._began = self._moved_at = at
        self._least: int | None = None
        self._taken_at: float | None = None
        self._done_at: float | None = None

    def add(self, left: RemainingWork, at: float) -> SettledAt | None:
        """Add one look; return the end when it and the look before it found nothing left."""
        self._taken_at = None if left.untaken_in_all else self._taken_at or at
        if self._least is None or left.in_all < self._least:
            self._least, self._moved_at = left.in_all, at
        if left.in_all or self._taken_at is None:
            self._done_at = None
            return None
        if self._done_at is None:
            self._done_at = at
            return None
        return SettledAt(taken_at=self._taken_at, processed_at=self._done_at)

    def is_late(self, at: float) -> bool:
        """Return whether nothing has become less for too long."""
        return at - self._moved_at > STALLED_SECONDS or at - self._began > MAX_SECONDS


async def wait_until_settled(hub: HubClient, console: Console, *, is_answered: bool) -> SettledAt:
    """Wait until nothing is left to do; raise `NotSettled` when nothing becomes less for a minute.

    Without simulators (`is_answered` is false) a message is done when it is taken, or held for want of a receiver.
    """
    course = SettlingProgress(time.monotonic())
    with ProgressView(console) as view:
        while True:
            lag = await hub.call("GET", "/lag")
            left, at = _remaining(lag, is_answered=is_answered), time.monotonic()
            view.show(left)
            settled = course.add(left, at)
            if settled is not None:
                return settled
            if course.is_late(at):
                raise NotSettled(_describe(lag))
            await asyncio.sleep(LOOK_SECONDS)


def _remaining(lag: Mapping[str, Any], *, is_answered: bool) -> RemainingWork:
    found = lag["destinations"]
    return RemainingWork(
        unplanned=lag["unpublishedEvents"] + lag["unplannedEvents"],
        untaken={one["destination"]: one["waiting"] + one["retrying"] + one["held"] * is_answered for one in found},
        unprocessed={one["destination"]: one["unprocessed"] * is_answered for one in found},
    )


def _describe(lag: Mapping[str, Any]) -> str:
    late = [
        f"{one['destination']}: {one['says']}"
        for one in lag["destinations"]
        if one["waiting"] or one["retrying"] or one["held"] or one["unprocessed"]
    ]
    queued = f"{lag['unpublishedEvents']} changes not published, {lag['unplannedEvents']} not planned"
    return "something is late and does not move. " + "; ".join((queued, *late))
