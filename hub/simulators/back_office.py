"""The decisions of a simulated back office. In: a delivery's id. Out: its outcome, and how long that takes.

The answer follows from the id alone, so that two runs over the same deliveries can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zlib import crc32

from schemas.kinds import ReportStatus, SignalKind

HUNDRED: Final = 100
SPREAD: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class SimulatedSignal:
    """A signal as DUO sends it with a report."""

    kind: SignalKind
    code: str
    text: str

    def as_json(self) -> dict[str, str]:
        """Return its form in a report."""
        return {"kind": self.kind.value, "code": self.code, "text": self.text}


@dataclass(frozen=True, slots=True)
class SimulatedOutcome:
    """A status with its signals, and the delay as a share of the usual one (between a half and one and a half)."""

    status: ReportStatus
    signals: tuple[SimulatedSignal, ...]
    delay: float


REJECTIONS: Final = (
    SimulatedSignal(
        SignalKind.FOUTMELDING, "OSR-F03", "De vestiging is op de begindatum niet erkend; controleer de opgave."
    ),
    SimulatedSignal(
        SignalKind.FOUTMELDING, "OSR-F11", "Het certificaat van de leverancier is bij ons niet (meer) bekend."
    ),
    SimulatedSignal(
        SignalKind.FOUTMELDING, "OSR-F17", "Voor deze dienst heeft het bestuur nog geen overeenkomst met ons."
    ),
)
SIGNALS: Final = (
    SimulatedSignal(
        SignalKind.MELDING, "OSR-M02", "Verwerkt. De vorige leverancier had nog leveringen in behandeling."
    ),
    SimulatedSignal(SignalKind.SIGNAAL, "OSR-S05", "Verwerkt. De naam van het systeem wijkt af van onze registratie."),
    SimulatedSignal(SignalKind.SIGNAAL, "OSR-S09", "Verwerkt. De einddatum valt binnen het lopende schooljaar."),
)
REJECTED_IN_HUNDRED: Final = 2
SIGNALLED_IN_HUNDRED: Final = 5


def decide_outcome(delivery_id: str) -> SimulatedOutcome:
    """Return what DUO's back office decides on a delivery."""
    draw = crc32(delivery_id.encode())
    part, choice, delay = draw % HUNDRED, draw // HUNDRED, 0.5 + (draw >> 16) / SPREAD
    if part < REJECTED_IN_HUNDRED:
        return SimulatedOutcome(ReportStatus.REJECTED, (REJECTIONS[choice % len(REJECTIONS)],), delay)
    if part < REJECTED_IN_HUNDRED + SIGNALLED_IN_HUNDRED:
        return SimulatedOutcome(ReportStatus.PROCESSED_WITH_SIGNAL, (SIGNALS[choice % len(SIGNALS)],), delay)
    return SimulatedOutcome(ReportStatus.PROCESSED, (), delay)


def needs_school_action(delivery_id: str) -> bool:
    """Return whether the school has something to do in its LAS before a delivery is active there: one in five."""
    return crc32(delivery_id.encode()) % 5 == 0
