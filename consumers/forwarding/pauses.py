"""Pauses for faults of the hub itself. In: attempts that could not be made. Out: whom nothing is sent to now.

A machine without files, memory, a network or a name service is nobody else's fault: no attempt is counted, no circuit
opens, and all is tried again after a moment that doubles while it lasts. Each pause is one line in the log.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumers.forwarding.destination import Destination
    from hub.domain.delivery import NotAttempted

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 15.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when nothing is sent, and how long this pause is."""

    until: float
    seconds: float


class Pauses:
    """The pauses of one forwarder: of all destinations (None), or of one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pauses: dict[int | None, Pause] = {}

    def holds(self, destination: int) -> bool:
        """Return whether nothing may be sent to a destination now."""
        at = self._clock()
        return any(at < pause.until for pause in (self._pauses.get(None), self._pauses.get(destination)) if pause)

    def begin(self, destination: Destination, fault: NotAttempted) -> None:
        """Begin a pause, or a longer one after it; a fault that was met before its pause began says nothing new."""
        key = None if fault.is_general else destination.id
        before, at = self._pauses.get(key), self._clock()
        if before is not None and at < before.until:
            return
        seconds = FIRST_SECONDS if before is None else min(2 * before.seconds, LONGEST_SECONDS)
        self._pauses[key] = Pause(at + seconds, seconds)
        log.error(
            "sending.paused",
            destination="all" if fault.is_general else destination.name,
            error=fault.error,
            next=f"{fault.next_step}; tried again in {seconds:g} s",
        )

    def succeed(self, destination: int) -> None:
        """End the pauses that are over: something was sent again."""
        if not self._pauses:
            return
        at = self._clock()
        for key in (None, destination):
            pause = self._pauses.get(key)
            if pause is not None and pause.until <= at:
                del self._pauses[key]
                log.info("sending.resumed", next="all goes on by itself")
