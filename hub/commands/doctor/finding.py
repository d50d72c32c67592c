"""What a check of the doctor found. In: facts. Out: one line for a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: about what, whether it is well, what was found, and what to do."""

    what: str
    is_well: bool
    words: str
    next_step: str | None = None

    def __str__(self) -> str:
        """Return the line that the doctor prints."""
        words = " ".join(part for line in self.words.splitlines() if (part := line.strip()))
        said = f"{'well ' if self.is_well else 'WRONG'}  {self.what}: {words}"
        return f"{said}; {self.next_step[:1].lower()}{self.next_step[1:]}" if self.next_step else said


def well(what: str, words: str) -> Finding:
    """Return a finding that needs nobody."""
    return Finding(what, is_well=True, words=words)


def wrong(what: str, words: str, next_step: str | None = None) -> Finding:
    """Return a finding that makes the doctor exit with 1."""
    return Finding(what, is_well=False, words=words, next_step=next_step)


def counted(n: int, one: str, more: str) -> str:
    """Return a number with its noun, as in `1 day` and `2 days`."""
    return f"{n} {one if n == 1 else more}"
