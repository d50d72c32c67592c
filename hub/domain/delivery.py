"""The states of a delivery and the only way between them.

Two clocks: transport ends when the message was taken, processing when the receiver says what it did with it. `advance`
is total: every step from every status has an answer, and an answer that changes nothing says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from schemas.kinds import DeliveryStatus, ReportStatus

if TYPE_CHECKING:
    from datetime import datetime

Status = DeliveryStatus
IN_LANE: Final = frozenset({Status.WAITING, Status.RETRYING})
UNREPORTED: Final = frozenset({Status.DELIVERED, Status.IN_PROGRESS})
DONE: Final = frozenset({Status.PROCESSED, Status.PROCESSED_WITH_SIGNAL, Status.ACTIVATED})
ANSWERED: Final = DONE | {Status.REJECTED, Status.DECLINED}
CLOSED: Final = frozenset({Status.SUPERSEDED, Status.DEAD, Status.CANCELLED})


class Ignored(StrEnum):
    """Why a step changed nothing."""

    DUPLICATE = "duplicate"
    OLDER = "older"
    FINAL = "final"
    NOT_EXPECTED = "not_expected"
    ALREADY = "already"


class Move(StrEnum):
    """A step that carries nothing but its name."""

    TAKEN = "taken"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The receiver's back office said what it did."""

    status: ReportStatus
    at: datetime


Step: TypeAlias = Move | Reported


def advance(status: Status, step: Step, *, expects_report: bool) -> Status | Ignored:
    """Say which status follows, or why none does."""
    match step:
        case Reported():
            return _reported(status, step.status, expects_report=expects_report)
        case Move.TAKEN:
            return Status.DELIVERED if status in IN_LANE else Ignored.ALREADY
        case Move.FAILED:
            return Status.RETRYING if status in IN_LANE else Ignored.ALREADY
        case Move.GIVEN_UP:
            return Status.DEAD if status in IN_LANE else Ignored.ALREADY
        case Move.CANCELLED:
            return Status.CANCELLED if status in IN_LANE else Ignored.FINAL
        case Move.OVERTAKEN:
            return Status.SUPERSEDED if status in UNREPORTED and expects_report else Ignored.FINAL
        case _:
            assert_never(step)


def reason_to_ignore(reported: Reported, *, last: datetime | None, status: Status) -> Ignored | None:
    """Say whether a report is news: a later `at` corrects, the same answer at the same moment is a repeat."""
    if last is None or reported.at > last:
        return None
    if reported.at == last and reported.status.value == status.value:
        return Ignored.DUPLICATE
    return Ignored.OLDER


def supersedes(status: Status, *, expects_report: bool) -> bool:
    """Say whether a delivery in this status makes older unreported ones of its unit superseded."""
    return status in ANSWERED or (status is Status.DELIVERED and not expects_report)


def _reported(status: Status, answer: ReportStatus, *, expects_report: bool) -> Status | Ignored:
    if status in CLOSED:
        return Ignored.FINAL
    if not expects_report:
        return Ignored.NOT_EXPECTED
    return Status(answer.value)
