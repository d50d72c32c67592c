"""Forward lanes: lease, read, carry, settle.

In: lanes that are due. Out: messages at DUO's queues and at webhooks, and what became of them. Next: hub.settle.
Any number of forwarders run side by side; a lane is in the hands of one, and lanes never wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import structlog

from consumers.forwarding import webhooks as las
from consumers.forwarding.completer import BatchCompleter
from consumers.forwarding.destinations import PROBE_SECONDS, Destinations
from consumers.forwarding.dispatcher import Dispatcher, OpenRequests
from consumers.forwarding.lane_progress import LaneProgress, is_gone
from consumers.forwarding.leases import Leases
from consumers.forwarding.queues import Queues
from hub import faults
from hub.clock import LedgerClock
from hub.envelopes import envelope_defaults
from hub.kafka.batches import partition_of
from hub.outbound import Outbound
from hub.processes.heartbeat import Heartbeat
from hub.store import lanes, ledger, processes
from hub.store.meters import Meters
from hub.store.notifications import Listener, Notifier
from hub.store.pool import DATABASE_ERRORS, open_pool
from schemas.topics import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from hub.settings import Settings
    from hub.settle import LaneResult
    from hub.store.lanes import Lease, QueuedDelivery
    from hub.store.pool import Pool

TICK_SECONDS: Final = 1.0
TICKS_PER_REPAIR: Final = 5
RETRY_SECONDS: Final = 0.5
DRAIN_SECONDS: Final = 6.0
log = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Forward until `stop` is set; then what is in flight is settled."""
    requests, clock = OpenRequests(settings.webhook.timeout_seconds), LedgerClock()
    queues = Queues(settings.duo_kafka.client_options(), clock.now)
    pool = await open_pool(settings.database.url, name="forward", is_hot=True, max_size=6)
    try:
        async with (
            Heartbeat(pool, "forward", requests.slow) as heartbeat,
            Listener(settings.direct_dsn, "lanes", "destinations") as listener,
            Outbound(settings.webhook) as outbound,
        ):
            async with pool.acquire() as c:
                head = envelope_defaults(settings.oin, settings.http.address, await ledger.epoch(c))
            destinations = Destinations(pool, clock, max(PROBE_SECONDS, settings.webhook.timeout_seconds + 5))
            webhooks = las.Webhooks(outbound, settings, pool)
            carrier = Dispatcher(
                head=head,
                destinations=destinations,
                heartbeat=heartbeat,
                queues=queues,
                webhooks=webhooks,
                requests=requests,
            )
            await Forwarder(pool, heartbeat, listener, destinations, webhooks, carrier).work(stop)
    finally:
        await queues.close()
        await pool.close()


class Forwarder:
    """The loop, and what it has under way."""

    def __init__(
        self,
        pool: Pool,
        heartbeat: Heartbeat,
        listener: Listener,
        destinations: Destinations,
        webhooks: las.Webhooks,
        carrier: Dispatcher,
    ) -> None:
        self._pool = pool
        self._heartbeat = heartbeat
        self._listener = listener
        self._destinations = destinations
        self._webhooks = webhooks
        self._carrier = carrier
        self._meters = Meters()
        self._settling = BatchCompleter(pool, heartbeat, self._settled)
        self._changes = Notifier(pool, "changes")
        self._hand = Leases(pool, heartbeat)
        self._turns: set[asyncio.Task[None]] = set()

    async def work(self, stop: asyncio.Event) -> None:
        """Lease and carry until told to stop, then wait for what is under way."""
        await self._refresh()
        await self._sweep(repair=False)
        async with asyncio.TaskGroup() as group:  # a chore that fails ends the process: its supervisor starts it anew
            chores = [group.create_task(c) for c in (self._settling.work(), self._settling.work(), self._tick())]
            while not stop.is_set():
                if not await self._round():
                    await self._listen()
            await self._finish()
            for chore in chores:
                chore.cancel()
        await self._flush_meters()

    async def _finish(self) -> None:
        """Let what is in flight end, as long as that takes no time; what does not end is sent again by another."""
        if self._turns:
            await asyncio.wait(self._turns, timeout=DRAIN_SECONDS)
        for turn in list(self._turns):
            turn.cancel()
        await self._settling.flush()

    async def _listen(self) -> None:
        await self._listener.wait()
        if self._listener.was_notified("destinations"):
            try:
                await self._refresh()
            except DATABASE_ERRORS as error:
                log.warning("refresh.failed", error=str(error), next="again in a second")

    async def _round(self) -> bool:
        permits = {} if self._heartbeat.is_late else self._destinations.permits()
        if not permits:
            return False
        incarnation = self._heartbeat.incarnation
        try:
            leased = await self._hand.take(permits)
        except DATABASE_ERRORS as error:
            log.warning("lease.failed", error=str(error), next="trying again")
            await asyncio.sleep(RETRY_SECONDS)
            return True
        self._destinations.served(permits, {lease.destination for lease, _ in leased})
        self._dispatch(leased, incarnation)
        return bool(leased)

    def _dispatch(self, leased: Sequence[tuple[Lease, list[QueuedDelivery]]], incarnation: int) -> None:
        groups: dict[tuple[str, int], list[tuple[LaneProgress, list[QueuedDelivery]]]] = defaultdict(list)
        for lease, deliveries in leased:
            destination = self._destinations[lease.destination]
            destination.in_flight += 1
            turn = LaneProgress(lease, destination, incarnation, is_probe=not destination.is_closed_circuit)
            if destination.topic is None:
                self._start(self._carrier.to_webhook(turn, deliveries), [turn])
            else:
                groups[destination.topic, partition_of(lease.brin, PARTITIONS)].append((turn, deliveries))
        for (topic, partition), turns in groups.items():
            self._start(self._carrier.to_queue(topic, partition, turns), [turn for turn, _ in turns])

    def _start(self, carrying: Coroutine[Any, Any, None], turns: Sequence[LaneProgress]) -> None:
        task = asyncio.create_task(self._carry(carrying, turns))
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)

    async def _carry(self, carrying: Coroutine[Any, Any, None], turns: Sequence[LaneProgress]) -> None:
        try:
            await carrying
        except Exception:  # a fault of ours in one lane must not keep it, or others, from being settled
            log.exception("turn.failed", lanes=[(t.destination.name, t.lease.brin) for t in turns], next="again in 5 s")
            for turn in turns:
                turn.wait = max(turn.wait, 5.0)
        for turn in turns:
            self._meter(turn)
            self._settling.put(turn.run())
        for destination in {turn.destination.id for turn in turns if is_gone(turn)}:
            try:
                await self._webhooks.disable(destination, self._destinations.now())
            except DATABASE_ERRORS as error:
                log.warning("disable.failed", destination=destination, error=str(error), next="it will say so again")

    def _meter(self, turn: LaneProgress) -> None:
        for taken in turn.taken:
            seconds = (taken.outcome.at - taken.planned_at).total_seconds()
            self._meters.observe(turn.destination.id, "transport", seconds)
            self._meters.count("attempts", turn.destination.id, "delivered")
        for missed in turn.missed:
            self._meters.count("attempts", turn.destination.id, lanes.outcome_name(missed.outcome))

    def _settled(self, runs: list[LaneResult]) -> None:
        self._hand.drop(runs)
        for run in runs:
            self._destinations[run.standing.lease.destination].in_flight -= 1
        self._listener.wake()
        self._changes.notify()

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            ticks += 1
            try:
                await self._refresh()
                await self._sweep(repair=ticks % TICKS_PER_REPAIR == 0)
                await self._flush_meters()
            except DATABASE_ERRORS as error:
                log.warning("tick.failed", error=str(error), next="again in a second")

    async def _refresh(self) -> None:
        async with self._pool.acquire() as c:
            self._carrier.enter_epoch(await ledger.epoch(c))
        await self._destinations.refresh(await self._webhooks.targets())

    async def _sweep(self, *, repair: bool) -> None:
        async with self._pool.acquire() as c:
            async with c.transaction():
                if freed := await processes.rescue_lanes(c):
                    faults.here("forward.burying")
            if freed:
                faults.here("forward.buried")
            stranded = await lanes.repair_stranded(c) if repair else []
        if freed:
            log.warning("lanes.taken_over", lanes=freed)
        for destination, brin in stranded:
            self._meters.count("stranded", destination, "")
            log.error(
                "lane.stranded", destination=self._destinations[destination].name, brin=brin, next="repaired; report it"
            )
        if freed or stranded:
            self._listener.wake()

    async def _flush_meters(self) -> None:
        async with self._pool.acquire() as c:
            await self._meters.flush(c, self._heartbeat.process)
