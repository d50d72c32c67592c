"""Laws of the messages: what we write holds together, what others write is taken as far as it can be understood."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.kinds import DeliveryStatus, EventType, ReportStatus, SignalKind
from schemas.messages import DeliveryChange, MandateChange, Report

DELIVERY = "01936b2e-0000-7000-8000-000000000001"
MANDATE = "01936b2e-0000-7000-8000-000000000002"
EVENT = "01936b2e-0000-7000-8000-000000000003"

CHANGE: dict[str, Any] = {
    "mandateId": MANDATE,
    "mandateVersion": 1,
    "state": "future",
    "changes": ["granted"],
    "brin": "18DS",
    "schoolOin": "0000000700018DS00000",
    "bgeCode": "41561",
    "serviceCode": "VVA",
    "supplierOin": "00000099000000001000",
    "systemCode": "zandloper-po",
    "systemName": "Voorbeeld LAS",
    "startDate": "2026-11-23",
    "endDate": None,
    "branches": [
        {"branch": "18DS00", "routingId": "0000000700018DS00001"},
        {"branch": "18DS02", "routingId": None},
    ],
    "copiedFrom": None,
    "restTold": None,
}
REPORT: dict[str, Any] = {"deliveryId": DELIVERY, "status": "processed", "reportedAt": "2026-11-23T10:00:00+01:00"}


def test_a_mandate_change_is_written_as_it_was_read() -> None:
    """Names and dates on the wire survive the model."""
    change = MandateChange.model_validate(CHANGE)
    assert change.start_date == date(2026, 11, 23)
    assert change.branches[0].routing_id == "0000000700018DS00001"
    assert json.loads(change.model_dump_json()) == CHANGE


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("schoolOin", "0000000700011OA00000", "is not the OIN of school 18DS"),
        ("endDate", "2026-11-22", "lies before startDate"),
        ("branches", [{"branch": "11OA00", "routingId": None}], "is not a branch of school 18DS"),
        ("branches", [{"branch": "18DS00", "routingId": "0000000700011OA00001"}], "not a routing id of school 18DS"),
        ("brin", "18ds", "is not a BRIN"),
        ("state", "asleep", "'future', 'active', 'ended' or 'withdrawn'"),
        ("mandateVersion", 0, "greater than or equal to 1"),
    ],
)
def test_a_mandate_change_that_contradicts_itself_is_refused(field: str, value: object, says: str) -> None:
    """School, branches, routing and dates belong together."""
    with pytest.raises(ValidationError, match=says):
        MandateChange.model_validate({**CHANGE, field: value})


def test_a_mandate_may_last_one_day() -> None:
    """The last day is included, so it may be the first."""
    assert MandateChange.model_validate({**CHANGE, "endDate": "2026-11-23"}).end_date == date(2026, 11, 23)


def test_a_report_needs_no_more_than_what_it_is_about() -> None:
    """Signals may be absent or null, unknown fields are ignored, the moment is read in any offset."""
    for more in ({}, {"signals": None}, {"mandateId": None, "mandateVersion": None}, {"madeBy": {"team": 3}}):
        report = Report.model_validate({**REPORT, **more})
        assert report.delivery_id == UUID(DELIVERY)
        assert report.signals == ()
        assert report.reported_at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        assert report.reported_at.utcoffset() == timedelta(0)


def test_a_report_may_name_mandate_and_version() -> None:
    """Together they stand for all units of that version."""
    report = Report.model_validate(
        {"mandateId": MANDATE, "mandateVersion": 3, "status": "rejected", "reportedAt": "2026-11-23T09:00:00Z"}
    )
    assert (report.mandate_id, report.mandate_version, report.delivery_id) == (UUID(MANDATE), 3, None)


@pytest.mark.parametrize(
    "naming",
    [
        {},
        {"mandateId": MANDATE},
        {"mandateVersion": 1},
        {"deliveryId": DELIVERY, "mandateId": MANDATE},
        {"deliveryId": DELIVERY, "mandateId": MANDATE, "mandateVersion": 1},
        {"deliveryId": None, "mandateId": None, "mandateVersion": None},
    ],
)
def test_a_report_names_exactly_one_thing(naming: dict[str, object]) -> None:
    """Neither, half and both are refused."""
    with pytest.raises(ValidationError, match="name the delivery by deliveryId, or by mandateId and mandateVersion"):
        Report.model_validate({"status": "processed", "reportedAt": "2026-11-23T09:00:00Z", **naming})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deliveryId", "seven"),
        ("status", "done"),
        ("status", None),
        ("signals", "none"),
        ("signals", [{"code": "1"}]),
        ("signals", [{"kind": "Ramp"}]),
        ("reportedAt", "2026-11-23T09:00:00"),
        ("reportedAt", "yesterday"),
        ("reportedAt", "0001-01-01T00:00:00+14:00"),
        ("reportedAt", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_a_report_that_cannot_be_understood_is_refused(field: str, value: object) -> None:
    """What would have to be guessed is refused, a moment without an offset included."""
    with pytest.raises(ValidationError):
        Report.model_validate({**REPORT, field: value})


def test_signals_are_masked_before_they_are_cut() -> None:
    """A number that lies across the five hundredth character does not survive in part."""
    text = "x" * 495 + "123456782 rest"
    report = Report.model_validate({**REPORT, "signals": [{"kind": "Melding", "code": "R12", "text": text}]})
    assert report.signals[0].kind is SignalKind.MELDING
    assert report.signals[0].code == "R12"
    assert report.signals[0].text == "x" * 495 + "*****"


@given(st.text(max_size=700))
def test_signal_texts_never_exceed_their_length_nor_hold_what_cannot_be_stored(text: str) -> None:
    """At most five hundred characters are kept, and no null character."""
    report = Report.model_validate({**REPORT, "signals": [{"kind": "Signaal", "text": text}]})
    kept = report.signals[0].text
    assert kept is not None
    assert len(kept) <= 500
    assert "\x00" not in kept


def test_numbers_as_signal_codes_are_taken_for_text() -> None:
    """A back office may number its signals; a person's number is masked there too."""
    given_signals = [{"kind": "Signaal", "code": 12}, {"kind": "Signaal", "code": 123456782}]
    codes = [signal.code for signal in Report.model_validate({**REPORT, "signals": given_signals}).signals]
    assert codes == ["12", "*********"]


def test_a_delivery_change_is_written_as_it_was_read() -> None:
    """The rest is the null branch on the wire."""
    written = {
        "deliveryId": DELIVERY,
        "eventId": EVENT,
        "destination": "duo:bron-po",
        "brin": "18DS",
        "branch": None,
        "mandateId": MANDATE,
        "mandateVersion": 2,
        "previousStatus": "waiting",
        "status": "delivered",
        "at": "2026-11-23T09:00:00.123000Z",
        "reason": None,
    }
    assert json.loads(DeliveryChange.model_validate(written).model_dump_json()) == written


def test_held_is_seen_and_never_stored() -> None:
    """No delivery change speaks of a hold."""
    with pytest.raises(ValueError, match="held"):
        DeliveryStatus("held")


def test_the_words_of_the_contract_are_the_words_of_the_code() -> None:
    """The closed sets, written out by hand."""
    assert sorted(EventType) == [
        "nl.osr.delivery.changed.v1",
        "nl.osr.mandate.amended.v1",
        "nl.osr.mandate.expired.v1",
        "nl.osr.mandate.granted.v1",
        "nl.osr.mandate.started.v1",
        "nl.osr.mandate.withdrawn.v1",
        "nl.osr.report.v1",
        "nl.osr.subscription.notice.v1",
    ]
    assert list(ReportStatus) == [
        "in_progress",
        "processed",
        "processed_with_signal",
        "rejected",
        "activated",
        "declined",
    ]
    assert list(SignalKind) == ["Foutmelding", "Melding", "Signaal"]
    assert list(DeliveryStatus) == [
        "waiting",
        "retrying",
        "delivered",
        "in_progress",
        "processed",
        "processed_with_signal",
        "activated",
        "rejected",
        "declined",
        "superseded",
        "dead",
        "cancelled",
    ]
