"""Says what is wrong with a process. In: a fault of a role. Out: a sentence in Dutch or English, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.domain.health import LOOPS, ROLES, FaultKind
from hub.domain.says import Language, age

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.domain.health import HealthFault

LOOPS_IN_DUTCH: Final[Mapping[str, str]] = {
    "heartbeat": "hartslag schrijven",
    "relay": "publiceren op osr.mandates.v1",
    "changes": "publiceren op osr.deliveries.v1",
    "calendar": "kijken welke datum is aangebroken",
    "read": "lezen",
    "sweep": "inplannen wat is blijven liggen",
    "jobs": "herhalingen en annuleringen",
    "unread": "tellen wat ongelezen is",
    "lease": "rijen pakken om te versturen",
    "tick": "bestemmingen bijhouden",
    "complete": "uitkomsten opslaan",
    "queues": "versturen naar de queues van DUO",
    "notices": "meldingen aan leveranciers",
    "parked": "apart gelegde meldingen verwerken",
    "watch": "de broker van DUO bewaken",
}
_UNDONE: Final[Mapping[str, tuple[str, str]]] = {
    "produce": ("Wijzigingen worden niet gepubliceerd", "Changes are not published"),
    "plan": ("Wijzigingen worden niet ingepland", "Changes are not planned"),
    "forward": ("Berichten worden niet verstuurd", "Messages are not sent"),
    "reports": ("Meldingen van DUO worden niet gelezen", "Reports of DUO are not read"),
}


def explain_fault(role: str, fault: HealthFault, language: Language = Language.ENGLISH) -> str:
    """Return what is wrong with a role."""
    dutch, how_long = language is Language.DUTCH, age(fault.seconds, language)
    match fault.kind:
        case FaultKind.NONE_AT_WORK:
            return "Er draait geen proces." if dutch else "No process is at work."
        case FaultKind.NOTHING_DONE:
            words = _UNDONE[role][0 if dutch else 1]
            return f"{words}: het oudste wacht {how_long}." if dutch else f"{words}: the oldest waits for {how_long}."
        case FaultKind.LOOP_LATE:
            why = f" ({fault.error})" if fault.error else ""
            does = _does(fault.loop or "", language)
            if dutch:
                where = "; het logboek van dat proces zegt waarom" if why else ""
                return f"Proces {fault.process} komt al {how_long} niet verder met {does}{where}."
            return f"Process {fault.process} has made no progress for {how_long} where it {does}{why}."


def next_step(role: str, fault: HealthFault) -> str:
    """Return what to do about it, for a person with a terminal; without a full stop."""
    if fault.kind is FaultKind.NONE_AT_WORK:
        return f"Start `{ROLES[role]}`"
    return f"Look into the log of `{ROLES[role]}`; start it again when it hangs"


def _does(loop: str, language: Language) -> str:
    if language is Language.ENGLISH:
        return LOOPS[loop].does if loop in LOOPS else f"runs {loop}"
    return LOOPS_IN_DUTCH.get(loop.partition(".")[2], loop)
