"""What the log has and nobody keeps any more: which events are not brought back, and which gaps are no loss."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from hub.domain.kinds import Kind
from hub.domain.state_from_log import LoggedChange
from hub.recovery.aged_out import count_aged_out, split_aged_out
from hub.recovery.log_entries import LogEntry, LoggedEvent
from hub.recovery.rebuild import Obstacles
from schemas.identifiers import Brin, Oin, ServiceCode
from schemas.kinds import MandateState

BRIN = Brin("18DS")
OLD, NEW = datetime(2018, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
LIMIT = date(2019, 11, 25)
ONE, OTHER = uuid4(), uuid4()


def event(number: int, mandate: UUID = ONE, version: int = 1, **differs: Any) -> LoggedEvent:
    """Write an event of a mandate that is in force, unless it is said otherwise."""
    given = {"state": MandateState.ACTIVE, "recorded_at": OLD, "end_date": None, "previous": number - 1, **differs}
    entry = LogEntry(id=uuid4(), brin=BRIN, number=number, previous=given.pop("previous"), position=number, partition=0,
                  offset=number, published_at=NEW, value=b"")  # fmt: skip
    change = LoggedChange(
        id=entry.id, kind=Kind.GRANTED, mandate_id=mandate, mandate_version=version, brin=BRIN,
        service_code=ServiceCode("RIO"), supplier_oin=Oin("00000099000000001000"), start_date=date(2018, 1, 1),
        branches=(), copied_from=None, rest_told=True, **given,
    )  # fmt: skip
    return LoggedEvent(entry=entry, change=change, bge_code="41561", system_name="x", body="{}", traceparent=None)


WITHDRAWN: dict[str, Any] = {"version": 2, "state": MandateState.WITHDRAWN}
ENDED: dict[str, Any] = {"version": 2, "state": MandateState.ENDED, "end_date": date(2018, 7, 31)}


def passed(*events: LoggedEvent) -> list[int]:
    """Say which are left out, by number."""
    return [one.entry.number for one in split_aged_out(events, LIMIT)[1]]


def test_a_mandate_that_was_over_long_ago_is_left_out_whole() -> None:
    """Whether it was withdrawn or ran out; one that lives, or was over only lately, is brought in."""
    newest = event(3, OTHER)
    assert passed(event(1), event(2, **WITHDRAWN), newest) == [1, 2]
    assert passed(event(1), event(2, **ENDED), newest) == [1, 2]
    assert passed(event(1), event(2, version=2), newest) == []
    assert passed(event(1), event(2, **WITHDRAWN, recorded_at=NEW), newest) == []
    assert passed(event(1), event(2, **{**ENDED, "end_date": LIMIT}), newest) == []


def test_a_mandate_that_the_backup_knows_is_brought_to_its_end() -> None:
    """Its first event is not among those that are missing."""
    assert passed(event(2, **WITHDRAWN), event(3, OTHER)) == []


def test_the_newest_event_of_a_school_stays_with_its_mandate() -> None:
    """Numbers, the planner and the log go on from there."""
    assert passed(event(1), event(2, **WITHDRAWN)) == []


def test_a_gap_that_the_log_admits_is_counted_and_any_other_is_an_obstacle() -> None:
    """Before the first, in the middle, and after what the database has."""
    obstacles = Obstacles()
    assert count_aged_out([event(5, previous=0), event(9, previous=5)], {}, obstacles) == {BRIN: 7}
    assert count_aged_out([event(5, previous=3)], {BRIN: 3}, obstacles) == {BRIN: 1}
    assert count_aged_out([event(4), event(5)], {BRIN: 6}, obstacles) == {BRIN: 0}
    assert obstacles.found == []
    count_aged_out([event(5, previous=4)], {BRIN: 3}, obstacles)
    count_aged_out([event(4), event(6)], {BRIN: 3}, obstacles)
    assert len(obstacles.found) == 2
