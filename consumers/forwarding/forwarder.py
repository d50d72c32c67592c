"""Forward lanes. In: lanes that are due. Out: messages in DUO's queues and at webhooks, and what became of them.

Lease, dispatch, complete. Any number of forwarders run side by side; one of them owns a lane at a time, and lanes never
wait for each other. Next: `hub.settle`.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from consumers.forwarding import notices
from consumers.forwarding.destinations import PROBE_SECONDS, Destinations
from consumers.forwarding.dispatcher import Dispatcher, OpenRequests
from consumers.forwarding.lane_progress import LaneProgress
from consumers.forwarding.leases import BatchCompleter, Leases
from consumers.forwarding.queues import Queues
from consumers.forwarding.upkeep import Upkeep
from consumers.forwarding.webhooks import Webhooks
from hub.clock import LedgerClock
from hub.envelopes import envelope_defaults
from hub.kafka.batches import partition_of
from hub.outbound import Outbound
from hub.processes import loops
from hub.processes.heartbeat import Heartbeat
from hub.processes.running import never_end
from hub.store import lanes, ledger
from hub.store.meters import Meters
from hub.store.objectives import default_objective
from hub.store.pool import DATABASE_ERRORS, TRANSIENT_ERRORS, open_pool
from hub.store.wakeups import Listener, Notifier

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from hub.envelopes import EnvelopeDefaults
    from hub.settings import Settings
    from hub.settle import LaneResult
    from hub.store.lanes import Lease, QueuedDelivery
    from hub.store.pool import Pool

RETRY_SECONDS: Final = 0.5
FAULT_SECONDS: Final = 5.0
DRAIN_SECONDS: Final = 6.0
log = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Forward until `stop` is set; then complete what is in flight."""
    requests, clock = OpenRequests(settings.webhook.timeout_seconds), LedgerClock()
    queues = Queues(settings.duo_kafka.client_options(), clock.now)
    meters, pool = Meters(default_objective(settings)), await _open_pool(settings)
    try:
        async with (
            Heartbeat(pool, "forward", requests.slow) as heartbeat,
            Listener(settings.direct_dsn, "lanes", "destinations") as listener,
            Outbound(settings.webhook) as outbound,
        ):
            destinations = Destinations(pool, clock, _probe_seconds(settings))
            webhooks = Webhooks(settings, pool)
            dispatcher = Dispatcher(
                defaults=await _read_defaults(settings, pool),
                destinations=destinations, heartbeat=heartbeat, queues=queues, webhooks=webhooks, outbound=outbound,
                requests=requests,
            )  # fmt: skip
            upkeep = Upkeep(pool, heartbeat, listener, destinations, webhooks, dispatcher, meters=meters)
            forwarder = Forwarder(pool, heartbeat, listener, destinations, dispatcher, upkeep, meters=meters)
            await forwarder.work(stop, partial(notices.work, pool, outbound, settings))
    finally:
        await queues.close()
        await pool.close()


def _probe_seconds(settings: Settings) -> float:
    return max(PROBE_SECONDS, settings.webhook.timeout_seconds + 5)


async def _open_pool(settings: Settings) -> Pool:
    return await open_pool(settings.database.url, name="forward", is_hot=True, max_size=6)


async def _read_defaults(settings: Settings, pool: Pool) -> EnvelopeDefaults:
    async with pool.acquire() as c:
        return envelope_defaults(settings.oin, settings.http.address, await ledger.epoch(c))


class Forwarder:
    """The loop, and the lanes it has in flight."""

    def __init__(  # noqa: PLR0913 - the parts of the process, made once
        self,
        pool: Pool,
        heartbeat: Heartbeat,
        listener: Listener,
        destinations: Destinations,
        dispatcher: Dispatcher,
        upkeep: Upkeep,
        *,
        meters: Meters,
    ) -> None:
        self._heartbeat = heartbeat
        self._listener = listener
        self._destinations = destinations
        self._dispatcher = dispatcher
        self._upkeep = upkeep
        self._meters = meters
        self._completer = BatchCompleter(pool, heartbeat, self._completed)
        self._changes = Notifier(pool, "changes")
        self._leases = Leases(pool, heartbeat)
        self._spare: dict[int, int] = {}
        """The permits per destination that the last lease left unused: where any were, nothing more was due."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def work(self, stop: asyncio.Event, notices: Callable[[], Awaitable[None]]) -> None:
        """Lease and dispatch lanes until `stop` is set, then wait for those in flight; meanwhile send notices."""
        await self._upkeep.begin()
        async with asyncio.TaskGroup() as group:  # a chore that fails ends the process: its supervisor starts it anew
            works = (self._completer.work, self._completer.work, self._upkeep.work, notices)
            chores = [group.create_task(never_end(work, stop)) for work in works]
            while not stop.is_set():
                if not await self._round():
                    await self._listen()
            await self._drain()
            for chore in chores:
                chore.cancel()
        with suppress(*TRANSIENT_ERRORS):  # counts of the last second; statuses are rows, and a stop must end
            await self._upkeep.flush()

    async def _drain(self) -> None:
        """Let lanes in flight end within a few seconds; what does not end is sent again by another forwarder."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        await self._completer.flush()

    async def _listen(self) -> None:
        await self._listener.wait()
        if self._listener.was_notified("destinations"):
            try:
                await self._upkeep.refresh()
            except DATABASE_ERRORS as error:
                log.warning("refresh.failed", error=str(error), next="again in a second")

    async def _round(self) -> bool:
        """Lease and dispatch what is due; return whether there may be more, as far as no notification tells."""
        if self._heartbeat.is_late:
            return False
        permits = self._destinations.permits()
        if not permits:
            loops.moved("forward.lease")
            return False
        incarnation = self._heartbeat.incarnation
        try:
            leased = await self._leases.take(permits)
        except DATABASE_ERRORS as error:
            loops.failed("forward.lease", error)
            log.warning("lease.failed", error=str(error), next="again in half a second")
            await asyncio.sleep(RETRY_SECONDS)
            return True
        taken = Counter(lease.destination for lease in leased)
        self._destinations.served(permits, taken)
        self._spare = {destination: n - taken[destination] for destination, n in permits.items()}
        self._dispatch(leased, incarnation)
        (loops.worked if leased else loops.moved)("forward.lease")
        return any(n >= permits[destination] for destination, n in taken.items())

    def _dispatch(self, leased: Mapping[Lease, list[QueuedDelivery]], incarnation: int) -> None:
        queues: dict[str, list[tuple[LaneProgress, list[QueuedDelivery]]]] = defaultdict(list)
        for lease, deliveries in leased.items():
            progress = self._begin(lease, incarnation)
            topic = progress.destination.topic
            if topic is None:
                self._start(self._dispatcher.to_webhook(progress, deliveries), [progress])
            else:
                queues[topic].append((progress, deliveries))
        for topic, sent in queues.items():
            self._run(self._to_partitions(topic, sent))

    async def _to_partitions(self, topic: str, sent: Sequence[tuple[LaneProgress, list[QueuedDelivery]]]) -> None:
        """Send lanes to the partitions that the topic has now."""
        partitions = await self._dispatcher.partitions(topic)
        groups: dict[int, list[tuple[LaneProgress, list[QueuedDelivery]]]] = defaultdict(list)
        for progress, deliveries in sent:
            groups[partition_of(progress.lease.brin, partitions)].append((progress, deliveries))
        with loops.working("forward.queues"):
            await asyncio.gather(
                *(
                    self._send(self._dispatcher.to_queue(topic, partition, group), [progress for progress, _ in group])
                    for partition, group in groups.items()
                )
            )

    def _begin(self, lease: Lease, incarnation: int) -> LaneProgress:
        destination = self._destinations[lease.destination]
        destination.in_flight += 1
        return LaneProgress(
            lease=lease,
            destination=destination,
            incarnation=incarnation,
            jitter=random.random(),  # noqa: S311 - spreads retries
            is_probe=not destination.is_circuit_closed,
        )

    def _start(self, sending: Coroutine[Any, Any, None], lanes_in_flight: Sequence[LaneProgress]) -> None:
        self._run(self._send(sending, lanes_in_flight))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, sending: Coroutine[Any, Any, None], lanes_in_flight: Sequence[LaneProgress]) -> None:
        try:
            await sending
        except Exception:  # a fault in one lane must not keep it, or others, from being completed
            names = [(progress.destination.name, progress.lease.brin) for progress in lanes_in_flight]
            log.exception("dispatch.failed", lanes=names, next="again in 5 s")
            for progress in lanes_in_flight:
                progress.wait = max(progress.wait, FAULT_SECONDS)
        for progress in lanes_in_flight:
            self._meter(progress)
            self._completer.put(progress.result())

    def _meter(self, progress: LaneProgress) -> None:
        destination = progress.destination.id
        for succeeded in progress.succeeded:
            seconds = (succeeded.outcome.at - succeeded.planned_at).total_seconds()
            self._meters.observe(destination, "transport", seconds)
        if progress.succeeded:
            self._meters.count("attempts", destination, "delivered", len(progress.succeeded))
        for failed in progress.failed:
            self._meters.count("attempts", destination, lanes.outcome_name(failed.outcome))

    def _completed(self, results: list[LaneResult], are_due: bool) -> None:  # noqa: FBT001 - called by the completer
        """Go on with what a completion lets begin: lanes that are due again, and those that had no room before."""
        self._leases.drop(results)
        destinations = [result.update.lease.destination for result in results]
        for destination in destinations:
            self._destinations[destination].in_flight -= 1
        if are_due or any(self._spare.get(destination, 0) <= 0 for destination in destinations):
            self._listener.wake()
        self._changes.notify()
