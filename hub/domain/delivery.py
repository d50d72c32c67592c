"""The states of a delivery, the outcomes of its attempts, and the one function that moves it from state to state.

Two clocks: transport ends when the receiver accepted the message, processing when it reports what it did with it.
`advance` is total: every step from every status has an answer, and an answer that changes nothing gives the reason. An
outcome is classified once, where the answer of the receiver comes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from schemas.kinds import DeliveryStatus, ReportStatus

if TYPE_CHECKING:
    from datetime import datetime

Status = DeliveryStatus
STATUSES: Final = {status.value: status for status in Status}
"""By their values: to look one up costs less than to call the enumeration, and it is done for each message."""
IN_LANE: Final = frozenset({Status.WAITING, Status.RETRYING})
UNREPORTED: Final = frozenset({Status.DELIVERED, Status.IN_PROGRESS})
DONE: Final = frozenset({Status.PROCESSED, Status.PROCESSED_WITH_SIGNAL, Status.ACTIVATED})
ANSWERED: Final = DONE | {Status.REJECTED, Status.DECLINED}
CLOSED: Final = frozenset({Status.SUPERSEDED, Status.DEAD, Status.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The queue or the webhook accepted the message."""

    at: datetime
    partition: int | None = None
    offset: int | None = None
    duration_ms: int = field(default=0, compare=False)
    http_status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLater:
    """The receiver did not answer, or asked for patience; `after` is the seconds it asked for.

    `answer` is the beginning of what it wrote, as in `Refused` and `Gone`.
    """

    at: datetime
    error: str
    duration_ms: int
    http_status: int | None = None
    after: float | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The receiver answered and refused this message, or all of them."""

    at: datetime
    error: str
    duration_ms: int
    http_status: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The receiver wants no more messages (410)."""

    at: datetime
    error: str
    duration_ms: int
    http_status: int | None = 410
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAttempted:
    """The hub itself could not send: nothing counts against the destination.

    `is_general` says whether no destination can be sent to, or only this one.
    """

    at: datetime
    error: str
    next_step: str
    is_general: bool


Failure: TypeAlias = RetryLater | Refused | Gone
Outcome: TypeAlias = Delivered | Failure | NotAttempted


class Ignored(StrEnum):
    """Why a step changed nothing."""

    DUPLICATE = "duplicate"
    OLDER = "older"
    FINAL = "final"
    NOT_EXPECTED = "not_expected"
    ALREADY = "already"


class Move(StrEnum):
    """A step that carries nothing but its name."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The receiver reported what it did with the message."""

    status: ReportStatus
    at: datetime


Step: TypeAlias = Move | Reported


def advance(status: Status, step: Step, *, expects_report: bool) -> Status | Ignored:
    """Return the status that follows a step, or why none does."""
    match step:
        case Reported():
            return _reported(status, step.status, expects_report=expects_report)
        case Move.SUCCEEDED:
            return Status.DELIVERED if status in IN_LANE else Ignored.ALREADY
        case Move.FAILED:
            return Status.RETRYING if status in IN_LANE else Ignored.ALREADY
        case Move.GIVEN_UP:
            return Status.DEAD if status in IN_LANE else Ignored.ALREADY
        case Move.CANCELLED:
            return Status.CANCELLED if status in IN_LANE else Ignored.FINAL
        case Move.SUPERSEDED:
            return Status.SUPERSEDED if status in UNREPORTED and expects_report else Ignored.FINAL
        case _:
            assert_never(step)


def reason_to_ignore(reported: Reported, *, last: datetime | None, status: Status) -> Ignored | None:
    """Return why a report is not news, or None: a later `at` corrects, the same status at the same moment repeats."""
    if last is None or reported.at > last:
        return None
    if reported.at == last and reported.status.value == status.value:
        return Ignored.DUPLICATE
    return Ignored.OLDER


def supersedes(status: Status, *, expects_report: bool) -> bool:
    """Return whether a delivery in this status supersedes older unreported ones of its unit."""
    return status in ANSWERED or (status is Status.DELIVERED and not expects_report)


def _reported(status: Status, answer: ReportStatus, *, expects_report: bool) -> Status | Ignored:
    if status in CLOSED:
        return Ignored.FINAL
    if not expects_report:
        return Ignored.NOT_EXPECTED
    return Status(answer.value)
