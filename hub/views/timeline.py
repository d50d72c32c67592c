"""What happened to a delivery, in the order of time. In: its moments, attempts and reports. Out: steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hub.domain.ids import time_of
from hub.store.deliveries import DeliveryView
from hub.views.deliveries import AttemptBody, DeliveryDetailBody, ReportBody


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineStep:
    """A moment of a delivery; `seconds` is how long it took since the moment before."""

    at: datetime
    key: str
    seconds: float | None = None
    attempt: AttemptBody | None = None
    report: ReportBody | None = None


def timeline(view: DeliveryView, attempts: Sequence[AttemptBody], reports: Sequence[ReportBody]) -> list[TimelineStep]:
    """Return what happened to a delivery in the order of time, each step with the seconds since the one before."""
    moments = view.moments
    begun = _begun(moments.recorded_at or time_of(view.event_id), moments.planned_at, moments.published_at)
    return _in_order(begun, attempts, reports)


def shown_timeline(body: DeliveryDetailBody) -> list[TimelineStep]:
    """Return the same of a delivery as the API shows it."""
    begun = _begun(time_of(body.event_id), body.created_at, body.published_at)
    return _in_order(begun, body.attempts, body.reports)


def _begun(recorded_at: datetime, planned_at: datetime, published_at: datetime | None) -> list[TimelineStep]:
    published = [] if published_at is None else [TimelineStep(at=published_at, key="step_published")]
    return [
        TimelineStep(at=recorded_at, key="step_recorded"),
        TimelineStep(at=planned_at, key="step_planned"),
        *published,
    ]


def _in_order(
    begun: Sequence[TimelineStep], attempts: Sequence[AttemptBody], reports: Sequence[ReportBody]
) -> list[TimelineStep]:
    happened = [
        *begun,
        *(TimelineStep(at=each.at, key=f"step_{each.outcome}", attempt=each) for each in attempts),
        *(TimelineStep(at=each.received_at, key=_report_key(each), report=each) for each in reports),
    ]
    steps = sorted(happened, key=lambda step: step.at)
    return [
        replace(step, seconds=(step.at - steps[nth - 1].at).total_seconds() if nth else None)
        for nth, step in enumerate(steps)
    ]


def _report_key(report: ReportBody) -> str:
    return "step_report" if report.applied else "step_report_kept"
