"""A record of DUO's topic as the reader gets it. In: a Kafka record. Out: the report that it is, or why it is none.

FastStream's decoder makes these, so that the subscriber is typed. Reading never raises: a record on which the hub
itself fails is parked with the hub to blame, and the batch goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from hub.kafka.aiokafka_amended import UnreadableBatch
from hub.settle.records import UnusableRecord, read_report

if TYPE_CHECKING:
    from datetime import datetime

    from aiokafka import ConsumerRecord

    from hub.settle import IncomingReport

INTERNAL_FAULT: Final = UnusableRecord("unparsable", "the hub failed on it; the log of `reports` says how")
log = structlog.get_logger(__name__)


class ReceivedReport:
    """A record and what it reports."""

    __slots__ = ("offset", "partition", "record", "report", "topic")

    def __init__(self, record: ConsumerRecord[bytes, bytes], report: IncomingReport | UnusableRecord) -> None:
        self.record = record
        self.report = report
        self.topic: str = record.topic
        self.partition: int = record.partition
        self.offset: int = record.offset


def read_record(record: ConsumerRecord[bytes, bytes], now: datetime) -> ReceivedReport:
    """Read a record, whatever it holds."""
    if isinstance(record, UnreadableBatch):
        return ReceivedReport(record, UnusableRecord("unparsable", record.why))
    try:
        return ReceivedReport(record, read_report(record.value, record.headers, now))
    except Exception:
        log.exception("record.unreadable", topic=record.topic, partition=record.partition, offset=record.offset)
        return ReceivedReport(record, INTERNAL_FAULT)
