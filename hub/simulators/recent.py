"""What a simulator has seen lately, in bounded memory. In: ids. Out: whether each is new."""

from __future__ import annotations


class RecentIds:
    """Remembers the last `least` ids for certain, and never more than twice as many."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._young: set[str] = set()
        self._old: set[str] = set()

    def is_new(self, name: str) -> bool:
        """Say whether an id was not seen lately, and remember it."""
        if name in self._young:
            return False
        self._young.add(name)
        was_there = name in self._old
        if len(self._young) >= self._least:
            self._old, self._young = self._young, set()
        return not was_there
