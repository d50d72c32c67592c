"""Events and messages as others read them. In: rows of the log and the ledger. Out: the bytes of CloudEvents.

Everything that shows or sends a message builds it here, so an operator reads what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from hub.domain.ids import change_id
from hub.domain.keys import DeliveryKey
from schemas.cloudevents import DATA_CONTENT_TYPE, SPECVERSION, encode, event_source, write_sequence, write_time
from schemas.identifiers import Brin, school_oin
from schemas.kinds import EventType
from schemas.published import DELIVERY_CHANGE, MANDATE_CHANGE, dataschema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from hub.domain.kinds import Kind
    from schemas.identifiers import Oin


class StatusChange(NamedTuple):
    """A status change of a delivery as it stands in the outbox, a JSON list."""

    destination: int
    brin: str
    sequence: int
    before: str
    after: str
    at: str
    reason: str | None = None

    @property
    def key(self) -> DeliveryKey:
        """The delivery that changed."""
        return DeliveryKey(self.destination, self.brin, self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """An event of the log: `body` is its data as JSON."""

    id: UUID
    brin: str
    number: int
    kind: Kind
    recorded_at: datetime
    mandate_id: UUID
    body: str
    traceparent: str | None
    previous: int | None = None
    """The number before it that is kept, 0 when none is; None where that is the number before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """A delivery with its event: `units` is the JSON of the event's message about each unit."""

    id: UUID
    brin: str
    sequence: int
    branch: str
    kind: Kind
    replay_of: UUID | None
    event_id: UUID
    mandate_id: UUID
    recorded_at: datetime
    units: str
    body: str
    traceparent: str | None
    result: str | None = None
    """The result of another delivery, as JSON, where the message is about that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSubject:
    """What a change of a delivery is about."""

    delivery_id: UUID
    event_id: UUID
    destination: str
    branch: str
    mandate_id: UUID
    mandate_version: int


@dataclass(frozen=True, slots=True)
class EnvelopeDefaults:
    """What all messages of this hub have in common."""

    source: str
    public_url: str
    ledger_epoch: int = 1


def envelope_defaults(oin: Oin, public_url: str, ledger_epoch: int = 1) -> EnvelopeDefaults:
    """Make the letterhead of the hub with this OIN, reached at `public_url`."""
    return EnvelopeDefaults(event_source(oin), public_url, ledger_epoch)


def mandate_event(row: LogRow, defaults: EnvelopeDefaults, position: int) -> bytes:
    """Write an event as it stands on the published log at a position."""
    return encode(mandate_attributes(row, defaults, position), orjson.Fragment(row.body))


def mandate_attributes(row: LogRow, defaults: EnvelopeDefaults, position: int) -> dict[str, object]:
    """Give the attributes of an event on the published log; its number is the school's own."""
    return {
        **_common(defaults, row.brin, row.recorded_at, MANDATE_CHANGE),
        "id": str(row.id),
        "type": row.kind.type,
        "sequence": write_sequence(row.number),
        "previoussequence": None if row.previous is None else write_sequence(row.previous),
        "position": write_sequence(position),
        "correlationid": str(row.mandate_id),
        "traceparent": row.traceparent,
    }


def forwarded_message(row: MessageRow, previous: int, defaults: EnvelopeDefaults) -> bytes:
    """Write the message about one unit: the event narrowed to it, with the lane's own numbers.

    `previous` is the highest lower number of the lane that was not cancelled, 0 when there is none.
    """
    if row.result is not None:
        return _result(row, orjson.loads(row.result), previous, defaults)
    unit = unit_of(row.units, row.branch)
    data = orjson.loads(row.body)
    data.pop("restTold", None)
    data["branches"] = [{"branch": branch, "routingId": unit["routing"]} for branch in unit["covers"]]
    return encode(
        {
            **_common(defaults, row.brin, row.recorded_at, MANDATE_CHANGE),
            "id": str(row.id),
            "type": row.kind.type,
            "sequence": write_sequence(row.sequence),
            "previoussequence": write_sequence(previous) if previous else None,
            "correlationid": str(row.mandate_id),
            "causationid": str(row.event_id),
            "branch": row.branch or None,
            "routingid": unit["routing"],
            "replayof": str(row.replay_of) if row.replay_of else None,
            "ledgerepoch": defaults.ledger_epoch,
            "traceparent": row.traceparent,
        },
        data,
    )


def unit_of(units: str, branch: str) -> Mapping[str, Any]:
    """Return an event's message about a unit; '' is the rest."""
    return next(unit for unit in orjson.loads(units) if unit["branch"] == branch)


def delivery_change(change: StatusChange, subject: ChangeSubject, defaults: EnvelopeDefaults) -> bytes:
    """Write the end of transport or of processing of a delivery, as it stands on the published log.

    Its id is computed from what it says, so that a repeat is known as one.
    """
    attributes = {
        **_common(defaults, change.brin, datetime.fromisoformat(change.at), DELIVERY_CHANGE),
        "id": str(change_id(subject.delivery_id, change.after, change.at)),
        "type": EventType.DELIVERY_CHANGED.value,
        "correlationid": str(subject.mandate_id),
        "causationid": str(subject.delivery_id),
    }
    return encode(attributes, change_data(change, subject))


def change_data(change: StatusChange, subject: ChangeSubject) -> dict[str, object]:
    """Give the data of a change of a delivery."""
    return {
        "deliveryId": str(subject.delivery_id),
        "eventId": str(subject.event_id),
        "destination": subject.destination,
        "brin": change.brin,
        "branch": subject.branch or None,
        "mandateId": str(subject.mandate_id),
        "mandateVersion": subject.mandate_version,
        "previousStatus": change.before,
        "status": change.after,
        "at": change.at,
        "reason": change.reason,
    }


def _result(row: MessageRow, data: Mapping[str, Any], previous: int, defaults: EnvelopeDefaults) -> bytes:
    attributes = {
        **_common(defaults, row.brin, datetime.fromisoformat(data["at"]), DELIVERY_CHANGE),
        "id": str(row.id),
        "type": row.kind.type,
        "sequence": write_sequence(row.sequence),
        "previoussequence": write_sequence(previous) if previous else None,
        "correlationid": str(row.mandate_id),
        "causationid": data["deliveryId"],
        "branch": row.branch or None,
        "routingid": unit_of(row.units, row.branch)["routing"],
        "ledgerepoch": defaults.ledger_epoch,
        "traceparent": row.traceparent,
    }
    return encode(attributes, data)


def _common(defaults: EnvelopeDefaults, brin: str, at: datetime, document: str) -> dict[str, object]:
    return {
        "specversion": SPECVERSION,
        "source": defaults.source,
        "subject": school_oin(Brin(brin)),
        "time": write_time(at),
        "datacontenttype": DATA_CONTENT_TYPE,
        "dataschema": dataschema(defaults.public_url, document),
        "partitionkey": brin,
    }
