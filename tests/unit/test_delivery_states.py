"""The states of a delivery: total, two clocks, corrections, and nothing out of a final state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.delivery import (
    CLOSED,
    IN_LANE,
    UNREPORTED,
    Ignored,
    Move,
    Reported,
    Status,
    advance,
    reason_to_ignore,
    supersedes,
)
from schemas.kinds import ReportStatus

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
statuses = st.sampled_from(list(Status))
reports = st.builds(Reported, status=st.sampled_from(list(ReportStatus)), at=st.datetimes(timezones=st.just(UTC)))
steps = st.one_of(st.sampled_from(list(Move)), reports)


@given(status=statuses, step=steps, expects=st.booleans())
def test_every_step_from_every_status_has_an_answer(status: Status, step: Move | Reported, *, expects: bool) -> None:
    """`advance` is total."""
    assert isinstance(advance(status, step, expects_report=expects), Status | Ignored)


@given(status=statuses.filter(lambda s: s in CLOSED), step=steps, expects=st.booleans())
def test_nothing_leaves_a_closed_status(status: Status, step: Move | Reported, *, expects: bool) -> None:
    """Superseded, dead and cancelled are the end."""
    assert isinstance(advance(status, step, expects_report=expects), Ignored)


@pytest.mark.parametrize("answer", list(ReportStatus))
@pytest.mark.parametrize("status", sorted(IN_LANE | UNREPORTED))
def test_a_report_is_believed_before_and_after_the_transport(status: Status, answer: ReportStatus) -> None:
    """A report that comes before the transport's outcome proves the transport."""
    step = Reported(status=answer, at=NOON)
    assert advance(status, step, expects_report=True) == Status(answer.value)


def test_a_report_on_what_is_done_with_delivery_is_kept_but_changes_nothing() -> None:
    """Where no report is due, a report is history only."""
    step = Reported(status=ReportStatus.ACTIVATED, at=NOON)
    assert advance(Status.DELIVERED, step, expects_report=False) is Ignored.NOT_EXPECTED


@pytest.mark.parametrize(
    ("status", "move", "after"),
    [
        (Status.WAITING, Move.SUCCEEDED, Status.DELIVERED),
        (Status.RETRYING, Move.SUCCEEDED, Status.DELIVERED),
        (Status.PROCESSED, Move.SUCCEEDED, Ignored.ALREADY),
        (Status.WAITING, Move.FAILED, Status.RETRYING),
        (Status.DELIVERED, Move.FAILED, Ignored.ALREADY),
        (Status.RETRYING, Move.GIVEN_UP, Status.DEAD),
        (Status.WAITING, Move.CANCELLED, Status.CANCELLED),
        (Status.DELIVERED, Move.CANCELLED, Ignored.FINAL),
        (Status.IN_PROGRESS, Move.SUPERSEDED, Status.SUPERSEDED),
        (Status.DELIVERED, Move.SUPERSEDED, Status.SUPERSEDED),
        (Status.WAITING, Move.SUPERSEDED, Ignored.FINAL),
        (Status.REJECTED, Move.SUPERSEDED, Ignored.FINAL),
    ],
)
def test_moves_lead_where_the_table_says(status: Status, move: Move, after: Status | Ignored) -> None:
    """The table of states, written by hand."""
    assert advance(status, move, expects_report=True) == after


def test_a_later_report_corrects_and_an_older_one_does_not() -> None:
    """`reportedAt` decides, not the order of arrival."""
    rejected = Reported(status=ReportStatus.REJECTED, at=NOON)
    assert reason_to_ignore(rejected, last=NOON - timedelta(seconds=1), status=Status.PROCESSED) is None
    assert reason_to_ignore(rejected, last=NOON + timedelta(seconds=1), status=Status.PROCESSED) is Ignored.OLDER
    assert reason_to_ignore(rejected, last=NOON, status=Status.REJECTED) is Ignored.DUPLICATE
    assert reason_to_ignore(rejected, last=None, status=Status.DELIVERED) is None


@pytest.mark.parametrize(
    ("status", "expects", "does"),
    [
        (Status.PROCESSED, True, True),
        (Status.REJECTED, True, True),
        (Status.DELIVERED, True, False),
        (Status.DELIVERED, False, True),
        (Status.IN_PROGRESS, True, False),
        (Status.DEAD, True, False),
    ],
)
def test_an_answer_overtakes_older_words_about_the_unit(status: Status, *, expects: bool, does: bool) -> None:
    """Only what is done, or was answered, makes older deliveries needless."""
    assert supersedes(status, expects_report=expects) is does
