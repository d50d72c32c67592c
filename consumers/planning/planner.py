"""Plan deliveries: a record's key names a school, and the database has its new events.

In: batches of `osr.mandates.v1`. Out: deliveries and due lanes, one transaction per batch; then the offsets are
committed. Next: consumers.forwarding. A sweep plans schools whose record was lost or has not come yet.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from consumers.parking import park, parked_row
from consumers.planning.bulk_jobs import BulkJobRunner
from consumers.planning.traced import trace_planned
from hub import faults, plan
from hub.domain.ids import timestamp_of
from hub.kafka.aiokafka_amended import UnreadableBatch
from hub.kafka.broker import Batch, Reading, batch_subscriber, commit, make_broker, offsets_after
from hub.kafka.consumer import read_forever
from hub.processes import loops
from hub.processes.heartbeat import Heartbeat
from hub.processes.running import run_until_set
from hub.processes.side_work import SideWork
from hub.processes.unread import count_unread
from hub.recovery import wait_until_caught_up
from hub.settle.records import UnusableRecord
from hub.store import meters, observe, plans, processes, reports
from hub.store.meters import Meters
from hub.store.pool import TRANSIENT_ERRORS, is_transient, open_pool
from hub.store.wakeups import Notifier
from schemas.identifiers import BRIN
from schemas.moments import check_moment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from aiokafka import ConsumerRecord, TopicPartition
    from faststream.kafka import KafkaBroker, KafkaMessage

    from hub.domain.planning import Planned
    from hub.kafka.consumer import WaitingBroker
    from hub.plan import PlanResult
    from hub.settings import Settings
    from hub.store.pool import Connection, Pool

TOPIC: Final = "osr.mandates.v1"
GROUP: Final = "osr-hub.plan"
MOST_RECORDS: Final = 1000
MOST_SCHOOLS: Final = 500
RETRY_SECONDS: Final = 0.3
SWEEP_SECONDS: Final = 1.0
LOOK_SHARE: Final = 0.01
"""A look for unplanned schools reads every school: the more there are, the less often, in this share of the time."""
LONGEST_PAUSE_SECONDS: Final = 5.0
NOT_A_BRIN: Final = UnusableRecord("unparsable", "the key of the record is no BRIN; on this topic it names the school")
log = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event, instance: str | None = None, topic: str = TOPIC) -> None:
    """Plan until `stop` is set; `instance` is a stable name, so that the group waits for a restart."""
    options = settings.kafka.client_options()
    pool = await open_pool(settings.database.url, name="plan", is_hot=True)
    try:
        async with Heartbeat(pool, "plan") as heartbeat:
            async with pool.acquire() as c:
                if not await wait_until_caught_up(c, options, topic, stop):
                    return
            planner = Planner(pool, heartbeat)

            def broker() -> WaitingBroker:
                made = make_broker(options, lambda: loops.moved("plan.read"))
                subscribe(made, planner, instance, topic)
                return made

            reading = read_forever(broker, options, planner.commit, lambda error: loops.failed("plan.read", error))
            counting = count_unread(pool, options, GROUP, topic, "plan.unread")
            await run_until_set(stop, reading, planner.sweep(), BulkJobRunner(pool, heartbeat).run(), counting)
            await planner.flush()
    finally:
        await pool.close()


def subscribe(broker: KafkaBroker, planner: Planner, instance: str | None, topic: str = TOPIC) -> None:
    """Subscribe a planner to record keys; values are ignored, because the database has what they say and more."""

    async def read_keys(message: KafkaMessage) -> dict[str, datetime | None]:
        return brins_of(message.raw_message)

    @batch_subscriber(broker, topic, Reading(group=GROUP, instance=instance, most_records=MOST_RECORDS), read_keys)
    async def on_schools(batch: Batch) -> None:
        await planner.park(unusable_records(batch.records, await planner.plan(batch.content)))
        planner.remember_offsets(batch.consumer, batch.records)
        loops.worked("plan.read")


def brins_of(records: Sequence[ConsumerRecord[bytes, bytes]]) -> dict[str, datetime | None]:
    """Return the schools that records name, each with the time of its first record."""
    schools: dict[str, datetime | None] = {}
    for record in records:
        brin = (record.key or b"").decode(errors="replace")
        if BRIN.pattern.fullmatch(brin) is None:
            continue
        schools.setdefault(brin, _published_at(record))
    return schools


def _published_at(record: ConsumerRecord[bytes, bytes]) -> datetime | None:
    """Return when a record was written; None when its writer gave it a time that is none."""
    try:
        return check_moment(datetime.fromtimestamp(record.timestamp / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def unusable_records(
    records: Sequence[ConsumerRecord[bytes, bytes]], unknown: Collection[str]
) -> list[tuple[ConsumerRecord[bytes, bytes], UnusableRecord]]:
    """Return records that name no BRIN, and the first of each school that is not in the register, with the reason."""
    found, seen = [], set()
    for record in records:
        brin = (record.key or b"").decode(errors="replace")
        if isinstance(record, UnreadableBatch):
            found.append((record, UnusableRecord("unparsable", record.why)))
        elif BRIN.pattern.fullmatch(brin) is None:
            found.append((record, NOT_A_BRIN))
        elif brin in unknown and brin not in seen:
            seen.add(brin)
            found.append(
                (
                    record,
                    UnusableRecord(
                        "unknown_school", f"school {brin} is not in the register; import the file that has it"
                    ),
                )
            )
    return found


class Planner:
    """Plans schools that records name, and those whose events were not planned in time."""

    def __init__(self, pool: Pool, heartbeat: Heartbeat) -> None:
        self._pool = pool
        self._heartbeat = heartbeat
        self._meters = Meters()
        self._lanes = Notifier(pool, "lanes")
        self._overdue: Mapping[str, int] = {}
        self._look = SideWork(LOOK_SHARE, longest=LONGEST_PAUSE_SECONDS)
        self._consumer: Any = None
        self._handled: dict[TopicPartition, int] = {}

    def remember_offsets(self, consumer: Any, records: Sequence[ConsumerRecord[Any, Any]]) -> None:  # noqa: ANN401 - FastStream's own
        """Remember what was planned; offsets are committed once a second, because planning twice changes nothing."""
        self._consumer = consumer
        self._handled |= offsets_after(records)

    async def plan(self, schools: Mapping[str, datetime | None], loop: str = "plan.read") -> set[str]:
        """Plan all new events of these schools, however often it takes; return those that are not in the register."""
        left, unknown = dict(schools), set[str]()
        while left:
            batch = dict(list(left.items())[:MOST_SCHOOLS])
            try:
                done = await self._plan_batch(batch)
                loops.worked(loop)
            except Exception as error:  # a fault of ours in one school must not stop the others
                loops.failed(loop, error)
                if is_transient(error):
                    log.warning("plan.failed", schools=len(batch), error=str(error), next="retry in 0.3 s")
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                if len(batch) == 1:
                    log.exception("school.unplannable", brin=next(iter(batch)), next="retry each second")
                    return unknown
                for brin, at in left.items():
                    unknown |= await self.plan({brin: at}, loop)
                return unknown
            unknown |= done.unknown
            left = {brin: at for brin, at in left.items() if brin not in batch or brin in done.unfinished}
        return unknown

    async def park(self, unusable: Sequence[tuple[ConsumerRecord[bytes, bytes], UnusableRecord]]) -> None:
        """Park records that name no known school, however often it takes."""
        while unusable:
            try:
                async with self._pool.acquire() as c, c.transaction():
                    for record, why in unusable:
                        await park(c, parked_row(record, why, self._heartbeat.clock.now()))
            except TRANSIENT_ERRORS as error:
                log.warning("park.failed", records=len(unusable), error=str(error), next="retry in 0.3 s")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _plan_batch(self, batch: Mapping[str, datetime | None]) -> PlanResult:
        async with self._pool.acquire() as c, c.transaction():
            at = self._heartbeat.clock.now()
            result = await plan.plan(c, batch, at, self._heartbeat.process)
        if result.planned:
            faults.here("plan.committed")
            self._lanes.notify()
            await trace_planned(self._pool, result.planned, at, self._heartbeat.clock)
        self._measure(result.planned, batch, at)
        return result

    def _measure(self, planned: Sequence[Planned], batch: Mapping[str, datetime | None], at: datetime) -> None:
        """Measure the hops until now; in seconds, because a batch is thousands of them."""
        ended = at.timestamp()
        publications = {brin: moment.timestamp() for brin, moment in batch.items() if moment is not None}
        for p in planned:
            recorded, published = timestamp_of(p.id), publications.get(p.brin)
            if published is not None:
                self._meters.observe(p.destination.id, "publish", published - recorded)
            self._meters.observe(p.destination.id, "plan", ended - (published or recorded))

    async def sweep(self) -> None:
        """Each second, plan schools whose events were still unplanned at the last two looks; fold the counters."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self._sweep_once()
                await self.flush()
                loops.moved("plan.sweep")
            except Exception as error:  # nothing starts this task again
                loops.failed("plan.sweep", error)
                log.warning("sweep.failed", error=str(error), exc_info=not is_transient(error), next="retry in 1 s")

    async def _sweep_once(self) -> None:
        async with self._pool.acquire() as c:
            overdue = await self._find_overdue(c)
            await observe.advance_open_from(c, self._heartbeat.clock.now())
            await meters.fold(c)
            await processes.delete_ended(c)
            await reports.unpark_schools(c)
        if overdue:
            await self.plan(dict.fromkeys(overdue), "plan.sweep")

    async def _find_overdue(self, c: Connection) -> list[str]:
        """Look, when it is time to, and return the schools that had unplanned events at the look before as well."""
        if not self._look.is_due:
            return []
        with self._look.working():
            seen = await plans.unplanned_schools(c, MOST_SCHOOLS)
        overdue = [brin for brin in seen if brin in self._overdue]
        self._overdue = seen
        return overdue

    async def commit(self) -> None:
        """Commit the offsets of what was planned."""
        offsets, self._handled = self._handled, {}
        if offsets:
            faults.here("plan.offsets")
            await commit(self._consumer, offsets)

    async def flush(self) -> None:
        """Commit the offsets of what was planned, and write the measured hops."""
        await self.commit()
        async with self._pool.acquire() as c:
            await self._meters.flush(c, self._heartbeat.process)
