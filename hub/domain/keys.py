"""The keys of the ledger: which lane, which delivery, which lease. Types apart, so that none passes for another."""

from __future__ import annotations

from typing import NamedTuple


class LaneKey(NamedTuple):
    """A lane: one destination and one school."""

    destination: int
    brin: str


class DeliveryKey(NamedTuple):
    """A delivery: its lane, and its number there."""

    destination: int
    brin: str
    sequence: int

    @property
    def lane(self) -> LaneKey:
        """The lane of the delivery."""
        return LaneKey(self.destination, self.brin)


class LeaseKey(NamedTuple):
    """A lease: its lane, and the token that fences it."""

    destination: int
    brin: str
    token: int

    @property
    def lane(self) -> LaneKey:
        """The lane of the lease."""
        return LaneKey(self.destination, self.brin)
