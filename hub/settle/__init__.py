"""Use case: what happened to a delivery moves it to its next status.

In: outcomes of attempts, reports of receivers, decisions of people. Out: rows of the ledger, its tallies, the outbox of
`osr.deliveries.v1`. `hub.domain.delivery.advance` alone decides each next status; this room writes it.
"""

from hub.settle.cancel import Cancelled, ManyCancelled, cancel, cancel_many
from hub.settle.reports import IncomingReport, ReportResult, UnknownDelivery, apply_reports
from hub.settle.status_changes import Completion, LaneResult, complete, record_attempts

__all__ = [
    "Cancelled",
    "Completion",
    "IncomingReport",
    "LaneResult",
    "ManyCancelled",
    "ReportResult",
    "UnknownDelivery",
    "apply_reports",
    "cancel",
    "cancel_many",
    "complete",
    "record_attempts",
]
