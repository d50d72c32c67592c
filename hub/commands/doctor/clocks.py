"""Judges a clock beside that of this machine. In: by how many seconds it is ahead. Out: a finding."""

from __future__ import annotations

from typing import Final

from hub.commands.doctor.finding import Finding, well, wrong

MAX_SKEW_SECONDS: Final = 2.0
SAME_SOURCE: Final = "Let both take their time from the same servers (NTP)"


def judge_clock(whose: str, ahead_seconds: float | None, most: float = MAX_SKEW_SECONDS) -> Finding:
    """Return whether a clock agrees with that of this machine; None is one that does not tell its time."""
    what = f"clock of {whose}"
    if ahead_seconds is None:
        return well(what, "it does not tell this client its time")
    side = "ahead of" if ahead_seconds > 0 else "behind"
    words = f"{abs(ahead_seconds):.1f} s {side} the clock of this machine"
    return well(what, words) if abs(ahead_seconds) < most else wrong(what, words, SAME_SOURCE)
