"""What stands on a record of the log. In: its bytes. Out: which event it is and where; when asked, all that it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson
from pydantic import ValidationError

from hub.domain.kinds import Kind
from hub.domain.state_from_log import LoggedChange, UnusableEvent
from schemas.envelope import MandateEvent
from schemas.identifiers import BRIN

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from schemas.messages import MandateChange

KINDS: Final = {kind.type: kind for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A record of the log: which event it is, and where it stands."""

    id: UUID
    brin: str
    number: int
    previous: int
    """The number of its school before it that was kept when this was written."""
    position: int
    """Its position in the log as a whole; 0 when an older version of the hub wrote it."""
    partition: int
    offset: int
    published_at: datetime
    value: bytes

    @property
    def key(self) -> tuple[str, int]:
        """The school and its number."""
        return self.brin, self.number

    @property
    def order(self) -> tuple[int, datetime, int, int]:
        """Where it comes among all schools' events."""
        return self.position, self.published_at, self.partition, self.offset


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """All that a record of the log says."""

    entry: LogEntry
    change: LoggedChange
    bge_code: str
    system_name: str
    body: str
    traceparent: str | None


def read_entry(record: ConsumerRecord[bytes, bytes]) -> LogEntry | None:
    """Read which event a record is; None when it is none of ours."""
    try:
        event: dict[str, Any] = orjson.loads(record.value or b"")
        brin = event["partitionkey"]
        if BRIN.pattern.fullmatch(brin) is None or event["type"] not in KINDS:
            return None
        return LogEntry(
            id=UUID(event["id"]),
            brin=brin,
            number=(number := int(event["sequence"])),
            previous=int(event.get("previoussequence", number - 1)),
            position=int(event.get("position", 0)),
            partition=record.partition,
            offset=record.offset,
            published_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
            value=record.value or b"",
        )
    except (ValueError, TypeError, KeyError):
        return None


def read_event(entry: LogEntry) -> LoggedEvent:
    """Read all that a record says; raises `UnusableEvent` for what is not as the hub writes it."""
    try:
        event = MandateEvent.model_validate_json(entry.value)
    except ValidationError as error:
        raise UnusableEvent(f"it is not as the hub writes events: {error.errors()[0]['msg']}") from error
    return LoggedEvent(
        entry=entry,
        change=to_logged_change(entry.id, KINDS[event.type], event.time, event.data),
        bge_code=event.data.bge_code,
        system_name=event.data.system_name,
        body=orjson.dumps(orjson.loads(entry.value)["data"]).decode(),
        traceparent=event.traceparent,
    )


def to_logged_change(event_id: UUID, kind: Kind, at: datetime, data: MandateChange) -> LoggedChange:
    """Take what an event says of its mandate."""
    return LoggedChange(
        id=event_id,
        kind=kind,
        recorded_at=at,
        mandate_id=data.mandate_id,
        mandate_version=data.mandate_version,
        state=data.state,
        brin=data.brin,
        service_code=data.service_code,
        supplier_oin=data.supplier_oin,
        system_code=data.system,
        start_date=data.start_date,
        end_date=data.end_date,
        branches=tuple((route.branch, route.routing_id) for route in data.branches),
        copied_from=data.copied_from,
        rest_told=data.rest_told,
    )
