"""Forward lanes: lease, read, carry, settle.

In: lanes that are due. Out: messages at DUO's queues and at webhooks, and what became of them. Next: hub.settle.
Any number of forwarders run side by side; a lane is in the hands of one, and lanes never wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import structlog

from consumers import las
from consumers.carry import Carrier, OpenRequests
from consumers.duo import Queues
from consumers.hand import Hand
from consumers.places import PROBE_SECONDS, Places
from consumers.settling import Settling
from consumers.turn import Turn, is_gone
from hub import faults
from hub.batches import partition_of
from hub.clock import LedgerClock
from hub.envelopes import letterhead
from hub.heartbeat import Heartbeat
from hub.outbound import Outbound
from hub.store import lanes, ledger, processes
from hub.store.meters import Meters
from hub.store.pool import AWAY, open_pool
from hub.store.wake import Bell, Ear
from schemas.topics import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from hub.settings import Settings
    from hub.settle import LaneRun
    from hub.store.lanes import Lease, Letter
    from hub.store.pool import Pool

TICK_SECONDS: Final = 1.0
TICKS_PER_REPAIR: Final = 5
AGAIN_SECONDS: Final = 0.5
FINISH_SECONDS: Final = 6.0
log = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Forward until `stop` is set; then what is in flight is settled."""
    requests, clock = OpenRequests(settings.webhook.timeout_seconds), LedgerClock()
    queues = Queues(settings.duo_kafka.client_options(), clock.now)
    pool = await open_pool(settings.database.url, name="forward", is_hot=True, most=6)
    try:
        async with (
            Heartbeat(pool, "forward", requests.slow) as heart,
            Ear(settings.direct_dsn, "lanes", "destinations") as ear,
            Outbound(settings.webhook) as outbound,
        ):
            async with pool.acquire() as c:
                head = letterhead(settings.oin, settings.http.address, await ledger.epoch(c))
            places = Places(pool, clock, max(PROBE_SECONDS, settings.webhook.timeout_seconds + 5))
            webhooks = las.Webhooks(outbound, settings, pool)
            carrier = Carrier(
                head=head, places=places, heart=heart, queues=queues, webhooks=webhooks, requests=requests
            )
            await Forwarder(pool, heart, ear, places, webhooks, carrier).work(stop)
    finally:
        await queues.close()
        await pool.close()


class Forwarder:
    """The loop, and what it has under way."""

    def __init__(
        self, pool: Pool, heart: Heartbeat, ear: Ear, places: Places, webhooks: las.Webhooks, carrier: Carrier
    ) -> None:
        self._pool = pool
        self._heart = heart
        self._ear = ear
        self._places = places
        self._webhooks = webhooks
        self._carrier = carrier
        self._meters = Meters()
        self._settling = Settling(pool, heart, self._settled)
        self._changes = Bell(pool, "changes")
        self._hand = Hand(pool, heart)
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
            await asyncio.wait(self._turns, timeout=FINISH_SECONDS)
        for turn in list(self._turns):
            turn.cancel()
        await self._settling.flush()

    async def _listen(self) -> None:
        await self._ear.wait()
        if self._ear.heard("destinations"):
            try:
                await self._refresh()
            except AWAY as error:
                log.warning("refresh.failed", error=str(error), next="again in a second")

    async def _round(self) -> bool:
        permits = {} if self._heart.is_late else self._places.permits()
        if not permits:
            return False
        life = self._heart.life
        try:
            leased = await self._hand.take(permits)
        except AWAY as error:
            log.warning("lease.failed", error=str(error), next="trying again")
            await asyncio.sleep(AGAIN_SECONDS)
            return True
        self._places.served(permits, {lease.destination for lease, _ in leased})
        self._dispatch(leased, life)
        return bool(leased)

    def _dispatch(self, leased: Sequence[tuple[Lease, list[Letter]]], life: int) -> None:
        groups: dict[tuple[str, int], list[tuple[Turn, list[Letter]]]] = defaultdict(list)
        for lease, mail in leased:
            place = self._places[lease.destination]
            place.in_flight += 1
            turn = Turn(lease, place, life, is_probe=not place.is_closed_circuit)
            if place.topic is None:
                self._start(self._carrier.to_webhook(turn, mail), [turn])
            else:
                groups[place.topic, partition_of(lease.brin, PARTITIONS)].append((turn, mail))
        for (topic, partition), turns in groups.items():
            self._start(self._carrier.to_queue(topic, partition, turns), [turn for turn, _ in turns])

    def _start(self, carrying: Coroutine[Any, Any, None], turns: Sequence[Turn]) -> None:
        task = asyncio.create_task(self._carry(carrying, turns))
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)

    async def _carry(self, carrying: Coroutine[Any, Any, None], turns: Sequence[Turn]) -> None:
        try:
            await carrying
        except Exception:  # a fault of ours in one lane must not keep it, or others, from being settled
            log.exception("turn.failed", lanes=[(t.place.name, t.lease.brin) for t in turns], next="again in 5 s")
            for turn in turns:
                turn.wait = max(turn.wait, 5.0)
        for turn in turns:
            self._meter(turn)
            self._settling.put(turn.run())
        for place in {turn.place.id for turn in turns if is_gone(turn)}:
            try:
                await self._webhooks.disable(place, self._places.now())
            except AWAY as error:
                log.warning("disable.failed", destination=place, error=str(error), next="it will say so again")

    def _meter(self, turn: Turn) -> None:
        for taken in turn.taken:
            seconds = (taken.outcome.at - taken.planned_at).total_seconds()
            self._meters.observe(turn.place.id, "transport", seconds)
            self._meters.count("attempts", turn.place.id, "delivered")
        for missed in turn.missed:
            self._meters.count("attempts", turn.place.id, lanes.outcome_word(missed.outcome))

    def _settled(self, runs: list[LaneRun]) -> None:
        self._hand.drop(runs)
        for run in runs:
            self._places[run.standing.lease.destination].in_flight -= 1
        self._ear.wake()
        self._changes.ring()

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            ticks += 1
            try:
                await self._refresh()
                await self._sweep(repair=ticks % TICKS_PER_REPAIR == 0)
                await self._flush_meters()
            except AWAY as error:
                log.warning("tick.failed", error=str(error), next="again in a second")

    async def _refresh(self) -> None:
        async with self._pool.acquire() as c:
            self._carrier.enter_epoch(await ledger.epoch(c))
        await self._places.refresh(await self._webhooks.targets())

    async def _sweep(self, *, repair: bool) -> None:
        async with self._pool.acquire() as c:
            async with c.transaction():
                if freed := await processes.bury(c):
                    faults.here("forward.burying")
            if freed:
                faults.here("forward.buried")
            stranded = await lanes.repair_stranded(c) if repair else []
        if freed:
            log.warning("lanes.taken_over", lanes=freed)
        for destination, brin in stranded:
            self._meters.count("stranded", destination, "")
            log.error(
                "lane.stranded", destination=self._places[destination].name, brin=brin, next="repaired; report it"
            )
        if freed or stranded:
            self._ear.wake()

    async def _flush_meters(self) -> None:
        async with self._pool.acquire() as c:
            await self._meters.flush(c, self._heart.process)
