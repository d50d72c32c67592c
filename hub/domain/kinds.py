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
        return "nl.osr.delivery.changed.v1" if self is Kind.RESULT else f"nl.osr.mandate.{self.value}.v1"

    @property
    def is_end(self) -> bool:
        """Whether an authorisation ends with it: such a message is never given up in silence."""
        return self in (Kind.WITHDRAWN, Kind.EXPIRED)

    @property
    def is_calendar(self) -> bool:
        """Whether a date that has come raised it: systems receive it, DUO has the dates already."""
        return self in (Kind.STARTED, Kind.EXPIRED)


OF_MANDATES: Final = tuple(kind for kind in Kind if kind is not Kind.RESULT)
"""What events are about."""
