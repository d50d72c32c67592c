"""Read reports. In: the bytes and headers of a record or request. Out: a report to apply, or why it is parked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson
from pydantic import ValidationError

from hub.settle import IncomingReport
from schemas.cloudevents import NotACloudEvent, read
from schemas.kinds import EventType
from schemas.messages import Report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Reason = Literal["unparsable", "schema", "unknown_school", "unknown_delivery", "future"]
MOST_SIGNALS: Final = 50
"""Of one report; the others are cut off, as long texts are."""
MAX_CLOCK_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class UnusableRecord:
    """Why a record is parked, and in words."""

    reason: Reason
    detail: str


def read_report(
    value: bytes | None, headers: Sequence[tuple[str, bytes | None]], now: datetime
) -> IncomingReport | UnusableRecord:
    """Read a report from DUO's topic, or return why it cannot be used."""
    try:
        event = read(value, headers)
    except NotACloudEvent as error:
        return UnusableRecord("unparsable", error.reason)
    if event.type != EventType.REPORT:
        return UnusableRecord("schema", f"the type is {event.type!r}; here only {EventType.REPORT.value!r} is read")
    try:
        report = Report.model_validate(event.data)
    except ValidationError as error:
        return _unusable(error)
    if report.reported_at > now + MAX_CLOCK_SKEW:
        return UnusableRecord("future", f"reportedAt {report.reported_at.isoformat()} lies ahead of the hub's clock")
    return replace(to_incoming(report), is_by_duo=True)


def to_incoming(report: Report) -> IncomingReport:
    """Take a checked report over into the hub's own terms."""
    mandate = None
    if report.mandate_id is not None and report.mandate_version is not None:
        mandate = (report.mandate_id, report.mandate_version)
    return IncomingReport(
        delivery_id=report.delivery_id,
        mandate=mandate,
        status=report.status,
        signals=orjson.dumps(
            [s.model_dump(mode="json", by_alias=True) for s in report.signals[:MOST_SIGNALS]]
        ).decode(),
        reported_at=report.reported_at,
    )


def _unusable(error: ValidationError) -> UnusableRecord:
    found = error.errors(include_input=False, include_url=False)
    is_ahead = [each["type"] for each in found] == ["too_late"]  # so late that it is outside the range of all moments
    return UnusableRecord("future" if is_ahead else "schema", "; ".join(map(_describe, found)))


def _describe(error: Mapping[str, Any]) -> str:
    where = ".".join(map(str, error["loc"])) or "data"
    return f"{where}: {error['msg']}"
