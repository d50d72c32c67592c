"""What became of a message, in words with an age. In: a unit's newest message. Out: a sentence, and whom to ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Final, Literal

from hub.console.glance import code_of, is_step, shown_code
from hub.domain.lag import percentile
from hub.domain.system import NO_CONTACT, Contact
from hub.store import observe, register

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.console.i18n import Translator
    from hub.observe.status import Cell
    from hub.store.pool import Connection

Whom = Literal["", "duo", "system", "kennisnet"]
MINUTE, HOUR, DAY = 60, 3600, 86_400
LONG: Final = 2 * DAY
"""After so long without an answer a school is told whom to ask."""
ENOUGH: Final = 20
"""So many answers are needed before the page says how long a receiver usually takes."""
USUALLY: Final = 0.9
_WHY_HELD: Final[Mapping[str | None, str]] = {
    "no_receiver": "msg_no_receiver",
    "subscription_not_active": "msg_not_receiving",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A sentence about a message, and whom a school can ask."""

    says: str
    whom: Whom = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrator:
    """What sentences about messages need: a language, the time, how long receivers usually take, whom to call."""

    words: Translator
    now: datetime
    usual: Mapping[str, float] = field(default_factory=dict)
    """By destination: within how many seconds it usually processes a message."""
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    """By the code of the system."""

    def contact(self, system_code: str) -> Contact:
        """Return whom to call about a system."""
        return self.contacts.get(system_code, NO_CONTACT)

    def code(self, cell: Cell) -> str:
        """Return the status that a cell shows."""
        return shown_code(cell, self.now)

    def tell(self, cell: Cell) -> Progress:
        """Return what became of the newest message of a cell."""
        is_duo = cell.destination.startswith("duo:")
        asked: Whom = "duo" if is_duo else "system"
        match code_of(cell):
            case "delivered" | "in_progress" if is_step(cell, self.now):
                return Progress(says=self._say("msg_step", cell), whom=asked)
            case "delivered" | "in_progress" as code:
                return self._wait(code, cell, is_duo=is_duo)
            case "held":
                key = _WHY_HELD.get(cell.reason, "msg_held")
                return Progress(says=self._say(key, cell), whom="system" if cell.reason in _WHY_HELD else "")
            case "rejected" | "declined" as code:
                return Progress(says=self._say(f"msg_{code}", cell), whom=asked)
            case "dead":
                return Progress(says=self._say("msg_dead", cell), whom="kennisnet")
            case code:
                return Progress(says=self._say(f"msg_{code}", cell))

    def _wait(self, code: str, cell: Cell, *, is_duo: bool) -> Progress:
        """Return a sentence on a message that waits to be processed, and how long that usually takes."""
        usual = self.usual.get(cell.destination)
        says = self._say(f"msg_{code}" if is_duo else f"msg_{code}_las", cell)
        if usual is not None:
            says = f"{says} {self.words('msg_usually', who=self._who(cell), usual=self.within(usual))}"
        is_long = cell.since is not None and (self.now - cell.since).total_seconds() > LONG
        if is_duo:
            return Progress(says=says, whom="duo" if is_long else "")
        return Progress(says=says, whom="system")

    def _say(self, key: str, cell: Cell) -> str:
        since = 0.0 if cell.since is None else (self.now - cell.since).total_seconds()
        return self.words(key, who=self._who(cell), system=cell.system_name, age=self.lasting(since))

    def _who(self, cell: Cell) -> str:
        return "DUO" if cell.destination.startswith("duo:") else cell.system_name

    def lasting(self, seconds: float) -> str:
        """Format how long something lasts: minutes, hours, days."""
        if seconds < MINUTE:
            return self.words("age_now")
        name, unit = next((n, s) for n, s in (("day", DAY), ("hour", HOUR), ("minute", MINUTE)) if seconds >= s)
        return self.words.count(f"age_{name}", int(seconds // unit))

    def within(self, seconds: float) -> str:
        """Format a duration that something usually stays below."""
        name, unit = next((n, s) for n, s in (("day", DAY), ("hour", HOUR), ("minute", MINUTE), ("", 0)) if seconds > s)
        return self.words.count(f"age_{name}", ceil(seconds / unit)) if unit else self.words.count("age_minute", 1)


async def read_narrator(c: Connection, words: Translator, now: datetime) -> Narrator:
    """Read what sentences about messages need."""
    names = {each.id: each.name for each in await observe.read_destinations(c)}
    hops = await observe.all_hops(c)
    usual = {
        names[destination]: seconds
        for (destination, hop), (buckets, _) in hops.items()
        if hop == "processing" and destination in names and sum(buckets) >= ENOUGH
        if (seconds := percentile(buckets, USUALLY)) is not None
    }
    contacts: dict[str, Contact] = {code: system.contact for code, system in (await register.systems(c)).items()}
    return Narrator(words=words, now=now, usual=usual, contacts=contacts)
