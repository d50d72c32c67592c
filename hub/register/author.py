"""Who changes mandates, and how often. In: an author, and what a change is based on. Out: nothing, or an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Final, TypeAlias

from hub.errors import PreconditionFailed, TooManyChanges

if TYPE_CHECKING:
    from hub.domain.school import School
    from hub.store.decisions import LockedSchool

VersionCheck: TypeAlias = Callable[[int], None]
"""Raises `PreconditionFailed` for a version that a change is not based on."""
HOUR: Final = timedelta(hours=1)


def any_school(_school: School) -> bool:
    """Return True: the hub itself may grant for every school."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changes mandates, of which schools, how often an hour, and why."""

    subject: str | None = None
    """The subject of a token; None writes no audit entry."""
    may_administer: Callable[[School], bool] = any_school
    changes_per_hour: int = 0
    """How many events the changes of one school may make in an hour; 0 is no limit."""
    reason: str | None = None


NO_AUTHOR: Final = Author()


def exactly(version: int) -> VersionCheck:
    """Return the check that a mandate still has this version."""

    def check(now: int) -> None:
        if now != version:
            msg = f"the mandate has version {now} by now, not {version}"
            raise PreconditionFailed(msg)

    return check


def check_pace(locked: LockedSchool, most: int, at: datetime) -> None:
    """Raise `TooManyChanges` for a school of which an hour's events are recorded already.

    Each change is told to DUO and to systems, and kept for years: a program in a loop would flood them all.
    """
    if not most or locked.paced_at is None:
        return
    wait = ceil((locked.paced_at + HOUR - at).total_seconds())
    if wait > 0:
        why = f"the mandates of school {locked.school.brin} changed {most} times within an hour"
        raise TooManyChanges(wait, f"{why}, and each change is told to DUO; is a program in a loop?")
