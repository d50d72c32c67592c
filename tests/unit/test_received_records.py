"""Records as others write them, before anything is done with them: reading one never raises."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from aiokafka import ConsumerRecord

from consumers.planning.planner import brins_of
from consumers.reporting import received_report
from consumers.reporting.received_report import INTERNAL_FAULT, read_record

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
