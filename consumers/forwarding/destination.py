"""A destination in the eyes of one forwarder. In: its row, and what became of attempts. Out: how many lanes it gets."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.domain.circuit import QUEUE, WEBHOOK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from consumers.forwarding.webhooks import Endpoint
    from hub.domain.circuit import CircuitPolicy

LAS_PERMITS: Final = 128
DUO_PERMITS: Final = 1000


@dataclass(slots=True, kw_only=True)
class Destination:
    """A destination, and what this process has learnt of it."""

    id: int
    name: str
    kind: str
    topic: str | None
    is_open: bool = False
    circuit: str = "closed"
    openings: int = 0
    probe_is_due: bool = False
    taken_at: datetime | None = None
    endpoint: Endpoint | None = None
    in_flight: int = 0
    failures: int = 0
    is_probing: bool = False
    has_backlog: bool = True
    pace: int | None = None
    slowed_at: datetime | None = None
    is_paused: bool = False
    took: bool = False
    changed: float = 0.0

    @contextmanager
    def change(self) -> Iterator[None]:
        """Keep what is read meanwhile from undoing a change that is on its way to the database."""
        self.changed = float("inf")
        try:
            yield
        finally:
            self.changed = time.monotonic()

    @property
    def policy(self) -> CircuitPolicy:
        """When its circuit opens."""
        return WEBHOOK if self.topic is None else QUEUE

    @property
    def is_closed_circuit(self) -> bool:
        """Whether messages go out as usual, and failures burn budget."""
        return self.circuit == "closed"

    def permits(self, now: datetime) -> int:
        """Say how many more lanes may be leased: one when it is our turn to probe, none while it is open."""
        if not self.is_open or (self.topic is None and self.endpoint is None):
            return 0
        if not self.is_closed_circuit:
            return 1 if self.is_probing and not self.in_flight else 0
        if self.topic is not None:
            return max(0, DUO_PERMITS - self.in_flight)
        if self.is_paused or self.endpoint is None:
            return 0
        return max(0, min((self.pace or LAS_PERMITS) - self.in_flight, self.endpoint.permits(now)))
