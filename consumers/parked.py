"""What cannot be used is put aside. In: a record, and what is wrong with it. Out: a row with its bytes.

A parked record never stops the others: the partition goes on, and an operator sees where it stood and why it is here.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from aiokafka import ConsumerRecord

    from hub.reading import Unusable
    from hub.settle import IncomingReport


def parked_row(record: ConsumerRecord[bytes, bytes], why: Unusable, at: datetime) -> dict[str, Any]:
    """Make the row that keeps a record: its bytes, where it stood, and why it is here."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "headers": [[name, (content or b"").decode("utf-8", "replace")] for name, content in record.headers],
        "bytes": record.value,
        "digest": sha256(record.value or b"").digest(),
        "reason": why.reason,
        "blame": "sender",
        "detail": why.detail[:1000],
        "delivery_id": None,
        "mandate_id": None,
        "received_at": at,
    }


def expecting(row: dict[str, Any], report: IncomingReport) -> dict[str, Any]:
    """Say which delivery a parked report waits for."""
    return {
        **row,
        "delivery_id": report.delivery_id,
        "mandate_id": report.mandate[0] if report.mandate else None,
    }
