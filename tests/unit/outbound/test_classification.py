"""Laws of classification: what an answer of a receiver means, and what it asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.delivery import Delivered, Gone, Outcome, Refused, RetryLater
from hub.outbound import AddressRefused, Answered, Unreachable
from hub.outbound.webhook import classify, read_retry_after

AT = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Delivered),
        (201, Delivered),
        (202, Delivered),
        (204, Delivered),
        (226, Delivered),
        (300, Refused),
        (301, Refused),
        (302, Refused),
        (304, Refused),
        (307, Refused),
        (308, Refused),
        (400, Refused),
        (401, Refused),
        (403, Refused),
        (404, Refused),
        (405, Refused),
        (408, RetryLater),
        (409, Refused),
        (410, Gone),
        (413, Refused),
        (415, Refused),
        (422, Refused),
        (425, RetryLater),
        (429, RetryLater),
        (451, Refused),
        (499, Refused),
        (500, RetryLater),
        (501, RetryLater),
        (502, RetryLater),
        (503, RetryLater),
        (504, RetryLater),
        (599, RetryLater),
    ],
)
def test_every_status_has_one_meaning(status: int, kind: type[Outcome]) -> None:
    """Taken, later, refused or gone; the status and its time are kept."""
    outcome = classify(Answered(status=status, duration_ms=250), AT)
    assert type(outcome) is kind
    assert outcome.at == AT + timedelta(milliseconds=250)
    if isinstance(outcome, RetryLater | Refused | Gone):
        assert outcome.http_status == status
        assert outcome.duration_ms == 250
        assert str(status) in outcome.error


def test_absence_is_tried_again() -> None:
    """Nobody there, or an address that is not called now: both may heal."""
    absences = (Unreachable(error="no connection", duration_ms=3), AddressRefused(error="not public", duration_ms=3))
    for answer in absences:
        outcome = classify(answer, AT)
        assert isinstance(outcome, RetryLater)
        assert outcome.http_status is None
        assert outcome.error == answer.error


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("86400", 86400.0),
        ("999999999", 86400.0),
        ("9" * 5000, 86400.0),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("Mon, 23 Nov 2026 09:01:00 GMT", 60.0),
        ("Mon, 23 Nov 2026 10:01:00 +0100", 60.0),
        ("Mon, 23 Nov 2026 08:00:00 GMT", 0.0),
        ("Mon, 30 Nov 2026 09:00:00 GMT", 86400.0),
        ("Mon, 99 Nov 2026 09:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_within_a_day(text: str | None, seconds: float | None) -> None:
    """Seconds or a date; what lies in the past is now, what cannot be read is nothing."""
    assert read_retry_after(text, AT) == seconds


@given(st.text())
def test_no_retry_after_can_do_harm(text: str) -> None:
    """Whatever a receiver writes there, the answer is nothing or between now and tomorrow."""
    wish = read_retry_after(text, AT)
    assert wish is None or 0 <= wish <= 86400


def test_the_wish_of_a_receiver_that_refuses_is_not_its_to_make() -> None:
    """`Retry-After` counts where trying again makes sense."""
    later = classify(Answered(status=429, duration_ms=1, headers={"retry-after": "30"}), AT)
    assert isinstance(later, RetryLater)
    assert later.after == 30.0
    assert isinstance(classify(Answered(status=404, duration_ms=1, headers={"retry-after": "30"}), AT), Refused)
