"""One destination as one forwarder knows it. In: its row, outcomes. Out: permits, and what its circuit and limit do.

Everything here is a decision on values in memory; `consumers.forwarding.destinations` reads and writes the rows.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.domain import circuit, pace
from hub.domain.circuit import QUEUE, WEBHOOK, CircuitClosed, CircuitOpened
from hub.domain.retry import SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from consumers.forwarding.webhooks import Endpoint
    from hub.domain.circuit import CircuitPolicy
    from hub.domain.delivery import Failure
    from hub.domain.pace import SlowedDown

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
    accepted_at: datetime | None = None
    is_acceptance_unwritten: bool = False
    endpoint: Endpoint | None = None
    in_flight: int = 0
    failures: int = 0
    is_probing: bool = False
    has_backlog: bool = True
    concurrency_limit: int | None = None
    slowed_at: datetime | None = None
    is_paused: bool = False
    has_accepted: bool = False
    """Whether it accepted a message since its concurrency limit was last looked at."""
    changed_at: float = 0.0

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep a read that began before a change was written from undoing the change."""
        self.changed_at = float("inf")
        try:
            yield
        finally:
            self.changed_at = time.monotonic()

    @property
    def policy(self) -> CircuitPolicy:
        """When the circuit opens."""
        return WEBHOOK if self.topic is None else QUEUE

    @property
    def is_circuit_closed(self) -> bool:
        """Whether messages go out as usual and failed attempts count."""
        return self.circuit == "closed"

    @property
    def retry_schedule(self) -> Sequence[float]:
        """Seconds between tries: the subscription's, else the hub's."""
        return (self.endpoint.retry_schedule if self.endpoint else None) or SCHEDULE

    def permits(self, now: datetime) -> int:
        """Return how many more lanes may be leased: one when this process probes, none while the circuit is open."""
        if not self.is_open or (self.topic is None and self.endpoint is None):
            return 0
        if not self.is_circuit_closed:
            return 1 if self.is_probing and not self.in_flight else 0
        if self.topic is not None:
            return max(0, DUO_PERMITS - self.in_flight)
        if self.is_paused or self.endpoint is None:
            return 0
        lanes = (self.concurrency_limit or LAS_PERMITS) - self.in_flight
        return max(0, min(lanes, self.endpoint.permits(now)))

    def after_success(self, sent_at: datetime) -> CircuitClosed | None:
        """Count a message that was sent at this moment and accepted; return whether the circuit closes."""
        self.failures, self.has_accepted = 0, True
        self.accepted_at, self.is_acceptance_unwritten = sent_at, True
        return None if self.is_circuit_closed else CircuitClosed()

    def after_failure(self, failure: Failure, *, is_probe: bool) -> CircuitOpened | SlowedDown | None:
        """Count a failure; return what follows: a run of them opens the circuit, and so does a failed probe."""
        self.failures += 1
        if self.is_circuit_closed:
            opened = circuit.after_failures(self.policy, self.failures, self.openings, failure)
            if opened is None and self.topic is None:
                return self._slow_down(failure)
            return opened
        if is_probe and self.is_probing:
            return circuit.opened(self.policy, circuit.cause_of(failure), self.openings, failure)
        return None  # sent before the circuit opened: nothing new

    def _slow_down(self, failure: Failure) -> SlowedDown | None:
        usual = min(LAS_PERMITS, max(self.in_flight, 2))
        return pace.slow_down(failure, self.concurrency_limit or usual, self.slowed_at)
