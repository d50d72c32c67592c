"""Judges the room on a disk. In: its bytes, all of them and those that are free. Out: a finding."""

from __future__ import annotations

from typing import Final

from hub.commands.doctor.finding import Finding, well, wrong

GIGABYTE: Final = 2**30
FEW_BYTES: Final = 2 * GIGABYTE
SMALL_SHARE: Final = 0.05
ENOUGH_BYTES: Final = 50 * GIGABYTE


def judge_disk(what: str, folder: str, total: int, free: int) -> Finding:
    """Return whether a disk has room: two gigabytes, and five percent of a large one."""
    words = f"{free / GIGABYTE:.1f} of {total / GIGABYTE:.0f} GB are free at {folder}"
    if free < max(FEW_BYTES, min(SMALL_SHARE * total, ENOUGH_BYTES)):
        return wrong(what, words, "Make room or give it a larger disk: when it is full, no change is taken")
    return well(what, words)
