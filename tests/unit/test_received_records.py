"""Records as others write them, before anything is done with them: reading one never raises."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest
from aiokafka import ConsumerRecord

from consumers.planning.planner import brins_of
from consumers.reporting import received_report
from consumers.reporting.received_report import INTERNAL_FAULT, read_record
from hub.settle import IncomingReport
from hub.settle.records import read_report
from tests.support.receivers.hostile_records import DATA, REPORT, STRUCTURED, hostile_report, hostile_text

if TYPE_CHECKING:
    from typing import NoReturn

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def record(
    timestamp: int = 0, key: bytes | None = b"18DS", value: bytes | None = b"{}"
) -> ConsumerRecord[bytes, bytes]:
    """Make a record."""
    return ConsumerRecord("t", 3, 7, timestamp, 0, key, value, None, 0, 0, ())


@pytest.mark.parametrize("timestamp", [-1, 0, -(2**63), 2**63 - 1, 10**15])
def test_a_time_that_is_none_costs_no_school_its_planning(timestamp: int) -> None:
    """The writer of a record sets its time; one outside the range of moments is as good as none."""
    assert brins_of([record(timestamp)]) == {"18DS": None}


def test_a_key_that_names_no_school_costs_no_other_its_planning() -> None:
    """The first record of a school says when it was published."""
    records = [record(key=key) for key in (None, b"", b"\xff", b"18DS00")]
    at = int(NOW.timestamp() * 1000)
    assert brins_of([*records, record(at), record(at + 5)]) == {"18DS": NOW}


def test_a_fault_of_ours_in_reading_is_a_reason_to_park(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastStream would drop the whole batch when its decoder raised."""

    def fail(*_: object) -> NoReturn:
        raise TypeError("a fault of ours")

    monkeypatch.setattr(received_report, "read_report", fail)
    read = read_record(record(), NOW)
    assert read.report is INTERNAL_FAULT
    assert (read.topic, read.partition, read.offset) == ("t", 3, 7)


def test_signals_beyond_a_bound_are_cut_off() -> None:
    """A report with thousands of signals is taken, and costs no more than one with fifty."""
    signals = [{"kind": "Melding", "code": f"M{n}"} for n in range(5000)]
    taken = read_report(hostile_report(signals=signals), STRUCTURED, NOW)
    assert isinstance(taken, IncomingReport)
    assert [signal["code"] for signal in orjson.loads(taken.signals)] == [f"M{n}" for n in range(50)]


BINARY = [(f"ce_{name}", str(value).encode()) for name, value in REPORT.items() if name != "data"]
ODD = {
    "media type in capitals, with a parameter": (
        orjson.dumps(REPORT),
        [("Content-Type", b"APPLICATION/CloudEvents+JSON;a=b")],
    ),
    "no headers": (orjson.dumps(REPORT), []),
    "headers of others": (orjson.dumps(REPORT), [*STRUCTURED, ("trace", b"\xff\xfe"), ("", b""), ("x" * 9000, b"y")]),
    "a header twice": (orjson.dumps(REPORT), [("content-type", b"text/plain"), *STRUCTURED]),
    "binary": (orjson.dumps(DATA), [*BINARY, ("content-type", b"application/json; charset=UTF-8")]),
    "binary without a media type": (orjson.dumps(DATA), BINARY),
    "binary with attributes of others": (
        orjson.dumps(DATA),
        [*BINARY, ("ce_time", b"never"), ("ce_partitionkey", b"99ZZ")],
    ),
    "a name twice": (hostile_text('"status"', '"status":"rejected","status"'), STRUCTURED),
    "a text of a megabyte": (hostile_report(signals=[{"kind": "Melding", "text": "x" * 1_000_000}]), STRUCTURED),
    "an attribute that nobody knows": (hostile_text('"source"', '"x":{"y":[1e300]},"source"'), STRUCTURED),
}


@pytest.mark.parametrize("name", ODD)
def test_reports_as_others_write_them_are_taken(name: str) -> None:
    """A report is read in each form that CloudEvents allows, whatever stands beside it; long texts are cut."""
    value, headers = ODD[name]
    taken = read_report(value, headers, NOW)
    assert isinstance(taken, IncomingReport)
    assert (str(taken.delivery_id), taken.status.value) == (DATA["deliveryId"], "processed")
    assert len(taken.signals) < 600
