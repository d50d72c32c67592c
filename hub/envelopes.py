"""Events and messages as others read them. In: rows of the log and the ledger. Out: the bytes of CloudEvents.

Everything that shows or sends a message builds it here, so an operator reads what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import orjson

from hub.domain.ids import change_id
from hub.domain.keys import DeliveryKey
from schemas.cloudevents import DATA_CONTENT_TYPE, SPECVERSION, event_source, write_sequence, write_time
from schemas.documents import DELIVERY_CHANGE, MANDATE_CHANGE, dataschema
from schemas.identifiers import Brin, school_oin
from schemas.kinds import EventType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from hub.domain.kinds import Kind
    from schemas.identifiers import Oin


_CHANGED: Final = EventType.DELIVERY_CHANGED.value
_BRANCHES: Final = ',"branches":['
_AFTER_BRANCHES: Final = '],"copiedFrom":'
_REST_TOLD: Final = (',"restTold":true}', ',"restTold":false}')


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


class LogRow(NamedTuple):
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


class MessageRow(NamedTuple):
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


class ChangeSubject(NamedTuple):
    """What a change of a delivery is about."""

    delivery_id: UUID
    event_id: UUID
    destination: str
    branch: str
    mandate_id: UUID
    mandate_version: int


@dataclass(frozen=True, slots=True)
class EnvelopeDefaults:
    """What all messages of this hub have in common, and the JSON of it that stands in each of them."""

    source: str
    public_url: str
    ledger_epoch: int = 1
    begin: str = field(init=False, repr=False, compare=False)
    content: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        begin = f'"source":{_quote(self.source)},"type":"'
        content = {
            document: f'","datacontenttype":"{DATA_CONTENT_TYPE}",'
            f'"dataschema":{_quote(dataschema(self.public_url, document))},"partitionkey":"'
            for document in (MANDATE_CHANGE, DELIVERY_CHANGE)
        }
        object.__setattr__(self, "begin", begin)
        object.__setattr__(self, "content", content)


def envelope_defaults(oin: Oin, public_url: str, ledger_epoch: int = 1) -> EnvelopeDefaults:
    """Make the letterhead of the hub with this OIN, reached at `public_url`."""
    return EnvelopeDefaults(event_source(oin), public_url, ledger_epoch)


def mandate_event(row: LogRow, defaults: EnvelopeDefaults, position: int) -> bytes:
    """Write an event as it stands on the published log at a position; its number is the school's own."""
    attributes = (
        f'"sequence":"{write_sequence(row.number)}","position":"{write_sequence(position)}"'
        f"{'' if row.previous is None else _previous(row.previous)}"
        f',"correlationid":"{row.mandate_id}"{_text("traceparent", row.traceparent)}'
    )
    about = _About(row.id, row.kind.type, row.brin, write_time(row.recorded_at))
    return _write(about, defaults, MANDATE_CHANGE, attributes, row.body)


def forwarded_message(row: MessageRow, previous: int, defaults: EnvelopeDefaults) -> bytes:
    """Write the message about one unit: the event narrowed to it, with the lane's own numbers.

    `previous` is the highest lower number of the lane that was not cancelled, 0 when there is none.
    """
    branches, routing = _unit(row.units, row.branch)
    if row.result is None:
        document, at, cause = MANDATE_CHANGE, write_time(row.recorded_at), str(row.event_id)
        data = _narrow(row.body, branches)
    else:
        data, result = row.result, orjson.loads(row.result)
        document, cause = DELIVERY_CHANGE, result["deliveryId"]
        at = write_time(datetime.fromisoformat(result["at"]))
    attributes = (
        f'"sequence":"{write_sequence(row.sequence)}"{_previous(previous) if previous else ""}'
        f',"correlationid":"{row.mandate_id}","causationid":"{cause}"'
        f"{_text('branch', row.branch)}{_text('routingid', routing)}"
        f'{_text("replayof", str(row.replay_of) if row.replay_of else None)},"ledgerepoch":{defaults.ledger_epoch}'
        f"{_text('traceparent', row.traceparent)}"
    )
    about = _About(row.id, row.kind.type, row.brin, at)
    return _write(about, defaults, document, attributes, data)


def unit_of(units: str, branch: str) -> Mapping[str, Any]:
    """Return an event's message about a unit; '' is the rest."""
    for unit in orjson.loads(units):
        if unit["branch"] == branch:
            return cast("Mapping[str, Any]", unit)
    raise LookupError(branch)


@lru_cache(4096)  # the messages of a school, and those of one event to several destinations, are about the same units
def _unit(units: str, branch: str) -> tuple[str, str | None]:
    """Return the branches of a unit as JSON, and its routing characteristic."""
    unit = unit_of(units, branch)
    routing = unit["routing"]
    return orjson.dumps([{"branch": one, "routingId": routing} for one in unit["covers"]]).decode(), routing


def _narrow(body: str, branches: str) -> str:
    """Return the data of an event about these branches only.

    The hub wrote the body, and quotes inside its texts are escaped: what stands between two of its own names is found
    without reading it all. A body in another order is read.
    """
    for rest_told in _REST_TOLD:
        if body.endswith(rest_told):
            body = body[: -len(rest_told)] + "}"
    begin = body.find(_BRANCHES)
    end = body.find(_AFTER_BRANCHES, begin)
    if begin < 0 or end < 0 or '"restTold":' in body:
        data = orjson.loads(body)
        data.pop("restTold", None)
        return orjson.dumps(data | {"branches": orjson.Fragment(branches)}).decode()
    return f"{body[:begin]}{_BRANCHES[:-1]}{branches}{body[end + 1 :]}"


def delivery_change(change: StatusChange, subject: ChangeSubject, defaults: EnvelopeDefaults) -> bytes:
    """Write the end of transport or of processing of a delivery, as it stands on the published log.

    Its id is computed from what it says, so that a repeat is known as one. Raises `ValueError` when its moment is none.
    """
    datetime.fromisoformat(change.at)
    attributes = f'"correlationid":"{subject.mandate_id}","causationid":"{subject.delivery_id}"'
    about = _About(change_id(subject.delivery_id, change.after, change.at), _CHANGED, change.brin, change.at)
    return _write(about, defaults, DELIVERY_CHANGE, attributes, orjson.dumps(change_data(change, subject)).decode())


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


class _About(NamedTuple):
    """What every message says of itself."""

    id: UUID
    type: str
    brin: str
    time: str


def _write(about: _About, defaults: EnvelopeDefaults, document: str, attributes: str, data: str) -> bytes:
    """Write an event as `schemas.cloudevents.encode` would, in one piece: each message is written at least twice."""
    text = (
        f'{{"specversion":"{SPECVERSION}","id":"{about.id}",{defaults.begin}{about.type}'
        f'","subject":"{school_oin(Brin(about.brin))}","time":"{about.time}'
        f'{defaults.content[document]}{about.brin}",{attributes},"data":{data}}}'
    )
    return text.encode()


def _previous(number: int) -> str:
    return f',"previoussequence":"{write_sequence(number)}"'


def _text(name: str, value: str | None) -> str:
    """Write an optional attribute; nothing where it is empty."""
    return f',"{name}":{_quote(value)}' if value else ""


def _quote(value: str) -> str:
    return orjson.dumps(value).decode()
