"""Use case: what happened to a delivery becomes its next status.

In: outcomes of attempts, reports of receivers, decisions of people. Out: rows of the ledger, its tallies, the outbox of
`osr.deliveries.v1`. Only `hub.domain.delivery.advance` moves a delivery; here its answers are written.
"""

from hub.settle.attempts import LaneResult, record_attempts
from hub.settle.cancel import Cancelled, ManyCancelled, cancel, cancel_many
from hub.settle.reports import IncomingReport, ReportResult, UnknownDelivery, apply_reports

__all__ = [
    "Cancelled",
    "IncomingReport",
    "LaneResult",
    "ManyCancelled",
    "ReportResult",
    "UnknownDelivery",
    "apply_reports",
    "cancel",
    "cancel_many",
    "record_attempts",
]
