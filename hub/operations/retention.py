"""Use case: delete what is too old. In: moments before which things are too old. Out: the number deleted, per kind.

Each step is a transaction of its own and leaves the ledger balanced: a run that stops is continued by another. A lane
loses old deliveries from its head; the last message of each unit of a live mandate stays, with the events it needs.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from hub.clock import today
from hub.store import audit, idempotency, observe
from hub.store import retention as store
from hub.store.audit import AuditEntry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from hub.domain.retention import Cutoffs
    from hub.operations.archive import Archive
    from hub.store.pool import Connection

KINDS: Final = (
    "deliveries",
    "attempts",
    "reports",
    "parked bytes",
    "parked",
    "bulk acts",
    "notices",
    "mandates",
    "events",
    "notes",
    "people",
)
BATCH: Final = 500
MOST_REST_SECONDS: Final = 5.0
ALL: Final = 2**31 - 1
NONE: Final = UUID(int=0)


@dataclass(slots=True, kw_only=True)
class RetentionRun:
    """One run; a dry one rolls each step back, so that its counts are the most that would be deleted."""

    c: Connection
    cutoffs: Cutoffs
    dry: bool
    tell: Callable[[str, int], None]
    archive: Archive | None = None
    """Where the ledger's and the register's rows go before they are deleted, if anywhere."""
    rest: float = 0.0
    """How many times as long as a step took it waits behind it: live traffic has the database meanwhile."""
    _removed: list[store.Removed] = field(default_factory=list)
    gone: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    @property
    def most(self) -> int:
        """The rows per repeated step; a dry run takes all at once."""
        return ALL if self.dry else BATCH

    def count(self, kind: str, n: int) -> int:
        """Add to the number deleted, and report the sum."""
        self.gone[kind] += n
        self.tell(kind, self.gone[kind])
        return n

    @property
    def keeps(self) -> bool:
        """Whether what a statement deletes must be returned by it."""
        return self.archive is not None and not self.dry

    def take(self, kind: str, removed: tuple[int, store.Removed]) -> None:
        """Count what a statement deleted, and keep its rows until the step ends."""
        self.count(kind, removed[0])
        self._removed.append(removed[1])

    @asynccontextmanager
    async def step(self) -> AsyncIterator[Connection]:
        """Run the body in a transaction, and roll it back in a dry run."""
        began = time.monotonic()
        transaction = self.c.transaction()
        await transaction.start()
        try:
            await observe.allow_table_scans(self.c)
            yield self.c
            await self._keep_removed()
        except BaseException:
            await transaction.rollback()
            raise
        await (transaction.rollback() if self.dry else transaction.commit())
        if self.rest and not self.dry:
            await asyncio.sleep(min(self.rest * (time.monotonic() - began), MOST_REST_SECONDS))

    async def _keep_removed(self) -> None:
        removed, self._removed = self._removed, []
        if self.archive is None or self.dry:
            return
        for each in removed:
            await asyncio.to_thread(self.archive.keep, each)


async def apply(run: RetentionRun, now: datetime, actor: str) -> dict[str, int]:
    """Delete what is too old; return the number deleted, per kind."""
    if run.archive is not None and not run.dry:
        run.archive.prepare()
    await _lanes(run)
    await _by_date(run)
    await _mandates(run)
    await _audit(run)
    async with run.step() as c:
        await idempotency.forget(c, now)
        if any(run.gone.values()):
            gone = {kind: n for kind, n in run.gone.items() if n}
            await audit.write(c, AuditEntry(at=now, actor=actor, action="retention.applied", after=gone))
    return run.gone


async def _lanes(run: RetentionRun) -> None:
    day = today(run.cutoffs.deliveries)
    after = store.FIRST_LANE
    while True:
        async with run.step() as c:
            keys, old = await store.page_of_lanes(c, after, run.cutoffs.deliveries, BATCH)
            if not keys:
                return
            before, recent = run.cutoffs.deliveries, run.cutoffs.attempts
            run.take("deliveries", await store.thin_lanes(c, old, before, day, archive=run.keeps))
            run.take("attempts", await store.drop_attempts(c, keys, recent, archive=run.keeps))
            run.take("reports", await store.drop_reports(c, keys, recent, archive=run.keeps))
        after = keys[-1]


async def _by_date(run: RetentionRun) -> None:
    for kind, drop, before in (
        ("parked bytes", store.empty_parked, run.cutoffs.parked),
        ("parked", store.drop_parked, run.cutoffs.register),
        ("bulk acts", store.drop_acts, run.cutoffs.register),
        ("notices", store.drop_notices, run.cutoffs.attempts),
    ):
        n = run.most
        while n == run.most:
            async with run.step() as c:
                n = run.count(kind, await drop(c, before, run.most))


async def _mandates(run: RetentionRun) -> None:
    day = today(run.cutoffs.register)
    after = NONE
    while True:
        async with run.step() as c:
            found = await store.page_of_over_mandates(c, after, day, BATCH)
            if not found:
                return
            mandates, events, removed = await store.drop_mandates(
                c, found, day, whatever_was_told=run.dry, archive=run.keeps
            )
            run.take("mandates", (mandates, removed))
            run.count("events", events)
        after = max(found)


async def _audit(run: RetentionRun) -> None:
    after: str | None = None  # the chain of what has no school is called ''
    while True:
        async with run.step() as c:
            chains = await store.page_of_chains(c, after, run.cutoffs.register, BATCH)
            if not chains:
                break
            run.take("notes", await store.thin_chains(c, chains, run.cutoffs.register, archive=run.keeps))
        after = chains[-1]
    async with run.step() as c:
        run.count("people", await store.drop_people(c, run.cutoffs.register))
