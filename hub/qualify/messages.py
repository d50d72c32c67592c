"""Messages about a mandate that does not exist, of a school that does not exist. Out: bodies, made as all others are.

Each has a new id, the next version and the next number of its lane, so that a receiver that keeps state has no reason
to refuse one. Numbers begin at the millisecond of the run, above those of all runs before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.domain.ids import new_id
from hub.domain.kinds import Kind
from hub.envelopes import MessageRow, envelope_defaults, forwarded_message
from hub.outbound.webhook import WebhookMessage
from schemas.identifiers import Brin, parse_oin, school_oin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

BRIN: Final = "99ZZ"
BRANCH: Final = "99ZZ00"
SUPPLIER: Final = "00000099999999999000"
HUB: Final = "00000099999999998000"
ADDRESS: Final = "https://osr-hub.invalid"


@dataclass(slots=True)
class InventedMandate:
    """A mandate of this run only; remembers the version and the number of the last message about it."""

    at: datetime
    version: int = 0
    sequence: int = field(init=False)
    id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.sequence = int(self.at.timestamp() * 1000)
        self.id = new_id(self.at)

    def next(
        self, kind: Kind | None = None, *, recorded_at: datetime | None = None, has_previous: bool = True
    ) -> WebhookMessage:
        """Make the next message; the first is `granted`, later ones are `amended` unless `kind` says otherwise."""
        self.version += 1
        self.sequence += 1
        kind = kind or (Kind.GRANTED if self.version == 1 else Kind.AMENDED)
        row = MessageRow(
            id=new_id(self.at),
            brin=BRIN,
            sequence=self.sequence,
            branch="",
            kind=kind,
            replay_of=None,
            event_id=new_id(self.at),
            mandate_id=self.id,
            recorded_at=recorded_at or self.at,
            units=orjson.dumps([{"branch": "", "routing": None, "covers": [BRANCH]}]).decode(),
            body=orjson.dumps(self._data(kind)).decode(),
            traceparent=None,
        )
        previous = self.sequence - 1 if has_previous and self.version > 1 else 0
        return WebhookMessage(
            id=str(row.id), body=forwarded_message(row, previous, envelope_defaults(parse_oin(HUB), ADDRESS))
        )

    def forgery(self) -> WebhookMessage:
        """Make a message that is to be refused: the next one has its version and its number again."""
        message = self.next()
        self.version -= 1
        self.sequence -= 1
        return message

    def _data(self, kind: Kind) -> dict[str, Any]:
        return {
            "mandateId": str(self.id),
            "mandateVersion": self.version,
            "state": "withdrawn" if kind is Kind.WITHDRAWN else "active",
            "changes": ["withdrawn" if kind is Kind.WITHDRAWN else "granted" if self.version == 1 else "endDate"],
            "brin": BRIN,
            "schoolOin": school_oin(Brin(BRIN)),
            "bgeCode": "99999",
            "serviceCode": "VVA",
            "supplierOin": SUPPLIER,
            "systemName": "Proefsysteem",
            "startDate": self.at.date().isoformat(),
            "endDate": None,
            "copiedFrom": None,
        }


def change(message: WebhookMessage, attributes: Mapping[str, object], **data: object) -> WebhookMessage:
    """Return a message with other or more attributes, and with more data."""
    event = orjson.loads(message.body)
    event["data"] |= data
    return WebhookMessage(id=message.id, body=orjson.dumps(event | dict(attributes)))


def grow(message: WebhookMessage, size: int) -> WebhookMessage:
    """Return a message whose body has exactly this many bytes, by a member of its data that no receiver knows."""
    empty = len(change(message, {}, remark="").body)
    return change(message, {}, remark="x" * (size - empty))
