"""The loops of this process. In: their turns. Out: reports, for the heartbeat and for the probe of this process.

A loop calls `moved` when a turn ended well, `worked` when the turn had something to do, and `failed` when it failed. A
loop that has to do something only now and then does it inside `working`, or says `waits` when something waits for it.
The names are those of `hub.domain.health`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, assert_never

from hub.domain.health import LOOPS, LoopKind, LoopReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ERROR_CHARACTERS: Final = 300


@dataclass(slots=True)
class _Turns:
    """When a loop last moved, turned and worked, and since when something waits for it."""

    moved: float
    turned: float
    worked: float | None = None
    waits: float | None = None
    error: str | None = None
    open: dict[int, float] = field(default_factory=dict)


class Loops:
    """The loops of a process; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._turns: dict[str, _Turns] = {}
        self._begun = 0

    def moved(self, name: str) -> None:
        """Note that a turn of this loop ended well."""
        turns = self._of(name)
        turns.moved = turns.turned = self.clock()
        turns.waits = turns.error = None

    def worked(self, name: str) -> None:
        """Note that a turn of this loop ended well and had something to do."""
        self.moved(name)
        turns = self._of(name)
        turns.worked = turns.moved

    def failed(self, name: str, error: object) -> None:
        """Note that a turn of this loop failed."""
        turns = self._of(name)
        turns.turned, turns.error = self.clock(), str(error)[:ERROR_CHARACTERS]

    def waits(self, name: str) -> None:
        """Note that something waits for this loop, until it moves."""
        turns = self._of(name)
        if turns.waits is None:
            turns.waits = turns.turned = self.clock()

    @contextmanager
    def working(self, name: str) -> Iterator[None]:
        """Note that this loop works while the block runs; several may run at once."""
        self._begun += 1
        key, turns = self._begun, self._of(name)
        turns.open[key] = turns.turned = self.clock()
        try:
            yield
        finally:
            turns.open.pop(key, None)
            turns.turned = self.clock()
            if not turns.open:
                turns.error = None

    def forget(self, role: str) -> None:
        """Forget the loops of a role that ends in this process."""
        self._turns = {name: turns for name, turns in self._turns.items() if not name.startswith(f"{role}.")}

    def reports(self, role: str = "") -> list[LoopReport]:
        """Return the loops of a role, or of all roles of this process."""
        now = self.clock()
        return [
            self._report(name, turns, now)
            for name, turns in self._turns.items()
            if not role or name.startswith(f"{role}.")
        ]

    def _of(self, name: str) -> _Turns:
        if name not in self._turns:
            self._turns[name] = _Turns(self.clock(), self.clock())
        return self._turns[name]

    def _report(self, name: str, turns: _Turns, now: float) -> LoopReport:
        kind = LOOPS[name].kind if name in LOOPS else LoopKind.TURNS
        begun = min(turns.open.values(), default=now)
        turned = now - (begun if kind is LoopKind.EVENTS else turns.turned)
        match kind:
            case LoopKind.TURNS:
                moved = now - turns.moved
            case LoopKind.PUBLISHES:
                moved = max(turned, now - (now if turns.waits is None else turns.waits))
            case LoopKind.EVENTS:
                moved = now - begun
            case _:
                assert_never(kind)
        return LoopReport(
            name=name,
            moved=round(moved, 1),
            turned=round(min(turned, now - turns.turned), 1),
            worked=None if turns.worked is None else round(now - turns.worked, 1),
            error=turns.error,
        )


here: Final = Loops()
"""The loops of this process."""
moved: Final = here.moved
worked: Final = here.worked
failed: Final = here.failed
waits: Final = here.waits
working: Final = here.working
