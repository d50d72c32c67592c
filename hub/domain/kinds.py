"""What an event or a message says of a mandate or a unit."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The five things that can be told."""

    GRANTED = "granted"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"
    STARTED = "started"
    EXPIRED = "expired"

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return f"nl.osr.mandate.{self.value}.v1"

    @property
    def is_end(self) -> bool:
        """Whether an authorisation ends with it: such a message is never given up in silence."""
        return self in (Kind.WITHDRAWN, Kind.EXPIRED)

    @property
    def is_calendar(self) -> bool:
        """Whether a date that arrived raised it: systems hear of it, DUO has the dates already."""
        return self in (Kind.STARTED, Kind.EXPIRED)
