"""Park records that cannot be used. In: a record, and what is wrong with it. Out: a row with its bytes.

A parked record never stops the others: the partition goes on, and an operator sees where it stood and why it is parked.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import structlog

from hub.store import reports as store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka import ConsumerRecord

    from hub.settle import IncomingReport
    from hub.settle.records import UnusableRecord
    from hub.store.pool import Connection

log = structlog.get_logger(__name__)


def parked_row(record: ConsumerRecord[bytes, bytes], why: UnusableRecord, at: datetime) -> dict[str, Any]:
    """Make the row that keeps a record: its bytes, where it stood, and why it is here."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "headers": [
            [_text(name), _text((content or b"").decode("utf-8", "replace"))] for name, content in record.headers
        ],
        "bytes": record.value,
        "digest": sha256(record.value or b"").digest(),
        "reason": why.reason,
        "blame": "sender",
        "detail": _text(why.detail)[:1000],
        "delivery_id": None,
        "mandate_id": None,
        "mandate_version": None,
        "received_at": at,
        "written_at": _written_at(record.timestamp),
    }


def _written_at(milliseconds: int | None) -> datetime | None:
    """Return when a record was written; None where its writer gave no time, or none that a calendar has."""
    if milliseconds is None or milliseconds < 0:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def awaiting_delivery(row: dict[str, Any], report: IncomingReport) -> dict[str, Any]:
    """Return the row of a report with the delivery that it waits for."""
    mandate, version = report.mandate or (None, None)
    return {**row, "delivery_id": report.delivery_id, "mandate_id": mandate, "mandate_version": version}


async def park(c: Connection, row: Mapping[str, Any]) -> None:
    """Park a record and log it; the same record again changes nothing."""
    await store.park_record(c, row)
    log.warning(
        "record.parked",
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        reason=row["reason"],
        detail=row["detail"],
        next="osr-hub parked list",
    )


def _text(given: str) -> str:
    """Replace the one character that PostgreSQL stores in no text."""
    return given.replace("\x00", "\N{REPLACEMENT CHARACTER}")
