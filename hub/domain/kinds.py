"""What an event or a message says of a mandate or a unit, or of a delivery."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Kinds of messages: five about a mandate, and the result of a delivery to DUO."""

    GRANTED = "granted"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"
    STARTED = "started"
    EXPIRED = "expired"
    RESULT = "result"

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return _TYPES[self]

    @property
    def is_end(self) -> bool:
        """Whether an authorisation ends with it: such a message is never given up in silence."""
        return self in _ENDS

    @property
    def is_calendar(self) -> bool:
        """Whether a date that has come raised it: systems receive it, DUO has the dates already."""
        return self in _OF_DATES


OF_MANDATES: Final = tuple(kind for kind in Kind if kind is not Kind.RESULT)
"""What events are about."""
KINDS: Final = {kind.value: kind for kind in Kind}
"""By their values: to look one up costs less than to call the enumeration, and it is done for each message."""
_TYPES: Final = {kind: f"nl.osr.mandate.{kind.value}.v1" for kind in OF_MANDATES} | {
    Kind.RESULT: "nl.osr.delivery.changed.v1"
}
_ENDS: Final = frozenset({Kind.WITHDRAWN, Kind.EXPIRED})
_OF_DATES: Final = frozenset({Kind.STARTED, Kind.EXPIRED})
