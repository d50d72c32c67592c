"""The two ends of a lease: lanes are taken with their deliveries, and completed with their results.

In: permits, then results of lanes. Out: leased lanes, then one transaction per few milliseconds or 200 rows. A slow
receiver delays no other lane: each joins the next batch as soon as its own deliveries are sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from hub import faults, settle
from hub.processes import loops
from hub.store import lanes
from hub.store.pool import TRANSIENT_ERRORS, is_transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hub.domain.keys import LeaseKey
    from hub.processes.heartbeat import Heartbeat
    from hub.settle import LaneResult
    from hub.store.lanes import Lease, QueuedDelivery
    from hub.store.pool import Connection, Pool

DELIVERIES_PER_LANE: Final = 40
DELIVERIES_AT_ONCE: Final = 2000
"""More would be read and written in one stretch of a second or more, and heartbeats would be missed meanwhile."""
FLUSH_SECONDS: Final = 0.004
FLUSH_ROWS: Final = 200
RETRY_SECONDS: Final = 0.2
UNWRITABLE_SECONDS: Final = 60.0
log = structlog.get_logger(__name__)


class Leases:
    """The leases that this process knows of, from lease to completion.

    When the database goes away in the middle of a lease, its answer is lost, and this process owns lanes that it does
    not know of: they are given back before the next lease.
    """

    def __init__(self, pool: Pool, heartbeat: Heartbeat) -> None:
        self._pool = pool
        self._heartbeat = heartbeat
        self._known: set[LeaseKey] = set()
        self._may_have_lost = False

    async def take(self, permits: Mapping[int, int]) -> Mapping[Lease, list[QueuedDelivery]]:
        """Lease due lanes and read their deliveries."""
        async with self._pool.acquire() as c:
            if self._may_have_lost:
                await self._give_back(c)
            self._may_have_lost = True
            taken = await lanes.take(c, self._heartbeat.process, permits, DELIVERIES_PER_LANE, DELIVERIES_AT_ONCE)
            if taken:
                faults.here("forward.leased")
            self._may_have_lost = False
        self._known |= {lease.key for lease in taken}
        return taken

    def drop(self, results: Iterable[LaneResult]) -> None:
        """Forget the leases of completed lanes."""
        self._known -= {result.update.lease.key for result in results}

    async def _give_back(self, c: Connection) -> None:
        lost = await lanes.return_lost_leases(c, self._heartbeat.process, self._known)
        if lost:
            log.warning("leases.returned", lanes=len(lost), next="they are due again")


class BatchCompleter:
    """Collects results of lanes and writes them in batches; two batches may be written at once."""

    def __init__(self, pool: Pool, heartbeat: Heartbeat, completed: Callable[[list[LaneResult], bool], None]) -> None:
        self._pool = pool
        self._heartbeat = heartbeat
        self._completed = completed
        self._results: list[LaneResult] = []
        self._rows = 0
        self._has_some = asyncio.Event()
        self._is_full = asyncio.Event()

    def put(self, result: LaneResult) -> None:
        """Add the result of a lane to the next batch."""
        self._results.append(result)
        self._rows += max(1, len(result.succeeded))
        self._has_some.set()
        if self._rows >= FLUSH_ROWS:
            self._is_full.set()

    async def work(self) -> None:
        """Flush forever; run two of these."""
        while True:
            await self._has_some.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):  # wait_for may swallow a cancellation in Python 3.11
                    await self._is_full.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write the current batch; a batch that cannot be written yet is tried until it can."""
        batch, self._results, self._rows = self._results, [], 0
        self._has_some.clear()
        self._is_full.clear()
        if not batch:
            return
        with loops.working("forward.complete"):
            are_due = await self._write_all(batch)
        self._completed(batch, are_due)

    async def _write_all(self, batch: list[LaneResult]) -> bool:
        """Write a batch, and return whether lanes of it may be due again."""
        try:
            return await self._write(batch)
        except Exception:  # noqa: BLE001 - whatever it is: each result is written alone, and logged there
            for result in batch:  # a result that can never be written must not stop the others
                await self._write_alone(result)
        return True

    async def _write(self, batch: list[LaneResult]) -> bool:
        while True:
            try:
                async with self._pool.acquire() as c:
                    faults.here("forward.settling")
                    done = await settle.complete(c, self._heartbeat.process, batch, self._heartbeat.clock.now())
            except TRANSIENT_ERRORS as error:
                if not is_transient(error):
                    raise
                loops.failed("forward.complete", error)
                log.warning("batch.failed", lanes=len(batch), error=str(error), next="the same batch again")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                faults.here("forward.settled")
                return done.may_be_due

    async def _write_alone(self, result: LaneResult) -> None:
        lease = result.update.lease
        try:
            await self._write([result])
        except Exception:
            log.exception(
                "result.unwritable", destination=lease.destination, brin=lease.brin, next="sent again in a minute"
            )
            given_back = replace(
                result.update, head=lease.head, sent=lease.sent, closed=lease.closed, wait=UNWRITABLE_SECONDS
            )
            await self._write([settle.LaneResult(update=given_back)])
