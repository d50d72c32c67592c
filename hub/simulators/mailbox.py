"""What a simulated LAS received. In: messages as they arrive. Out: which are new, and counts of gaps and inversions."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

REMEMBERED: Final = 250_000
MAX_PER_SCHOOL: Final = 10_000
FIRST_DUO_SERVICES: Final = frozenset({"BRON_PO", "VERZUIM", "RIO"})


@dataclass(slots=True)
class DuoServices:
    """The services of which a system gets copies: those of the first version, until the hub says which there are."""

    codes: frozenset[str] = FIRST_DUO_SERVICES

    def has_copied(self, event: Mapping[str, Any]) -> bool:
        """Return whether a message is a copy of one to DUO."""
        return event["data"].get("serviceCode") in self.codes


class RecentIds:
    """Remembers the last `least` ids for certain, and never more than twice as many."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._young: set[str] = set()
        self._old: set[str] = set()

    def __contains__(self, name: str) -> bool:
        """Return whether an id was seen lately."""
        return name in self._young or name in self._old

    def is_new(self, name: str) -> bool:
        """Return whether an id was not seen lately, and remember it."""
        if name in self._young:
            return False
        self._young.add(name)
        was_there = name in self._old
        if len(self._young) >= self._least:
            self._old, self._young = self._young, set()
        return not was_there


@dataclass(slots=True)
class SchoolMessages:
    """One school's messages: ids in order of first arrival, and the highest number of each of its two lanes."""

    ids: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_PER_SCHOOL))
    highest: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Mailbox:
    """Counts messages and knows repeats by their id, for the last quarter of a million."""

    received: int = 0
    repeats: int = 0
    inversions: int = 0
    gaps: int = 0
    bad_signatures: int = 0
    schools: dict[str, SchoolMessages] = field(default_factory=dict)
    duo_services: DuoServices = field(default_factory=DuoServices)
    _seen: RecentIds = field(default_factory=lambda: RecentIds(REMEMBERED))

    @property
    def distinct(self) -> int:
        """The number of different messages."""
        return self.received - self.repeats

    def take(self, event: Mapping[str, Any]) -> bool:
        """Add a message, a CloudEvent as JSON; return False when it is a repeat."""
        self.received += 1
        message = event["id"]
        if not self._seen.is_new(message):
            self.repeats += 1
            return False
        if "sequence" in event:
            self._record_sequence(event)
        return True

    def summary(self) -> dict[str, int]:
        """Return the counts by name."""
        return {
            "received": self.received,
            "distinct": self.distinct,
            "repeats": self.repeats,
            "inversions": self.inversions,
            "gaps": self.gaps,
            "badSignatures": self.bad_signatures,
        }

    def ids_of(self, brin: str) -> list[str]:
        """Return the ids of a school's messages, in order of first arrival."""
        return list(self.schools[brin].ids) if brin in self.schools else []

    def has_seen(self, message: str) -> bool:
        """Return whether a message with this id was taken lately."""
        return message in self._seen

    def highest(self, event: Mapping[str, Any]) -> int | None:
        """Return the highest number of a message's lane, None before its first."""
        school = self.schools.get(event.get("partitionkey", ""))
        return None if school is None else school.highest.get(self._lane(event))

    def _record_sequence(self, event: Mapping[str, Any]) -> None:
        school = self.schools.setdefault(event["partitionkey"], SchoolMessages())
        school.ids.append(event["id"])
        lane = self._lane(event)
        number, highest = int(event["sequence"]), school.highest.get(lane)
        if highest is not None:
            self.inversions += number < highest
            self.gaps += int(event.get("previoussequence", "0")) > highest
        school.highest[lane] = max(number, highest or 0)

    def _lane(self, event: Mapping[str, Any]) -> str:
        return "copies" if self.duo_services.has_copied(event) else "own"
