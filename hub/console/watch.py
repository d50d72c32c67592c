"""Watches schools of which a page is open. In: schools. Out: the mark of each whenever its state changes.

One statement a second reads the marks of all watched schools of a process; nothing is read while no page is open.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import structlog

from hub.store.pool import DATABASE_ERRORS
from hub.store.school_deliveries import read_marks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping

    from hub.store.pool import Pool

TICK_SECONDS: Final = 1.0
MAX_WATCHES: Final = 200
MAX_PER_VISITOR: Final = 4
"""A browser opens six connections to a site; two stay free for pages."""
MAX_LISTED: Final = 100
"""A list of more schools is not watched; the largest board has 56."""
MAX_SCHOOLS: Final = 500
"""So many schools are watched at most by one process, however many pages show them."""
log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True, kw_only=True)
class Watch:
    """A page that is open: its visitor, its school or schools, the newest mark of them."""

    visitor: str
    brins: frozenset[str]
    mark: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def next_mark(self, seconds: float) -> str | None:
        """Return the mark once it changed; None when it did not within some seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self.changed.wait()
        except TimeoutError:
            return None
        self.changed.clear()
        return self.mark


@dataclass(slots=True)
class SchoolWatches:
    """All open pages of a process."""

    _watches: set[Watch] = field(default_factory=set)
    _task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self, pool: Pool, visitor: str, brins: Iterable[str]) -> AsyncIterator[Watch | None]:
        """Watch schools while the block lasts; None where too many are watched already."""
        watch = Watch(visitor=visitor, brins=frozenset(brins))
        if not self._has_room_for(watch):
            yield None
            return
        self._watches.add(watch)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(pool))
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def _has_room_for(self, watch: Watch) -> bool:
        of_visitor = Counter(each.visitor for each in self._watches)[watch.visitor]
        if len(self._watches) >= MAX_WATCHES or of_visitor >= MAX_PER_VISITOR:
            return False
        return len(self._brins | watch.brins) <= MAX_SCHOOLS

    @property
    def _brins(self) -> frozenset[str]:
        return frozenset[str]().union(*(each.brins for each in self._watches))

    async def _look(self, pool: Pool) -> None:
        """Read the marks every second until no page is open."""
        while self._watches:
            try:
                async with pool.acquire() as c:
                    marks = await read_marks(c, self._brins)
            except DATABASE_ERRORS as error:
                log.debug("watch.missed", error=str(error), next="reads the marks again in a second")
            else:
                self._tell(marks)
            await asyncio.sleep(TICK_SECONDS)

    def _tell(self, marks: dict[str, str]) -> None:
        for each in self._watches:
            mark = joint_mark(marks, each.brins)
            if mark != each.mark:
                each.mark = mark
                each.changed.set()


def joint_mark(marks: Mapping[str, str], brins: Collection[str]) -> str:
    """Return one mark of schools: of one its own, of more a digest that differs when one of theirs does."""
    if len(brins) == 1:
        return marks.get(next(iter(brins)), "")
    return sha256(" ".join(f"{brin}={marks.get(brin, '')}" for brin in sorted(brins)).encode()).hexdigest()[:32]
