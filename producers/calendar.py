"""Raise events for dates that have come. In: mandates whose start or end is due. Out: `started` and `expired` events.

Next: producers.relay. Each day it also anchors the audit. One process is active, the others stand by; it begins when
the database has all that was published. Each date raises one event however often this runs, because the school's row is
locked and the mandate's next date moves on. Dates that passed while nothing ran are caught up, some schools per
transaction; after each the calendar rests as long as it worked. The database's clock says which day it is.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from hub import clock, faults, register
from hub.processes import loops
from hub.processes.running import run_until_set
from hub.recovery import wait_until_caught_up
from hub.register import moment
from hub.store import anchors, observe
from hub.store.locks import CALENDAR, hold_advisory_lock
from hub.store.notifications import notify
from hub.store.people import SystemActor
from hub.store.pool import DATABASE_ERRORS, is_transient
from hub.telemetry import new_traceparent
from schemas.topics import MANDATES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from hub.register import Moment
    from hub.settings import Settings
    from hub.store.pool import Connection
    from schemas.identifiers import Brin

MOST_SCHOOLS: Final = 200
LOOP: Final = "produce.calendar"
TICK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 0.3
LONGEST_REST_SECONDS: Final = 1.0
logger = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event, topic: str = MANDATES.name) -> None:
    """Raise events until `stop` is set; a transaction that is open then is rolled back, and the next run repeats it."""
    await run_until_set(stop, _raise_events_forever(settings, stop, topic))


async def _raise_events_forever(settings: Settings, stop: asyncio.Event, topic: str) -> None:
    while not stop.is_set():
        try:
            async with hold_advisory_lock(settings.direct_dsn, CALENDAR, lambda: loops.moved(LOOP)) as c:
                await wait_until_caught_up(c, settings.kafka.client_options(), topic, stop)
                anchored: date | None = None
                while not stop.is_set():
                    now = await observe.database_clock(c)
                    await catch_up(c, now)
                    anchored = await anchor(c, now, anchored)
                    loops.moved(LOOP)
                    await asyncio.sleep(TICK_SECONDS)
        except DATABASE_ERRORS as error:
            loops.failed(LOOP, error)
            logger.warning("calendar.interrupted", error=f"{type(error).__name__}: {error}", next="retry in 0.3 s")
            await asyncio.sleep(RETRY_SECONDS)


async def catch_up(c: Connection, now: datetime, most: int = MOST_SCHOOLS) -> int:
    """Raise events for all dates up to this moment, at most `most` schools per transaction; return how many."""
    made, day, tick = 0, clock.today(now), asyncio.get_running_loop().time
    start = tick()
    failed: set[Brin] = set()
    while brins := [brin for brin in await register.due(c, day, most + len(failed)) if brin not in failed]:
        began = tick()
        at = moment(now + timedelta(seconds=began - start), new_traceparent(is_sampled=False))
        try:
            made += await _arrive(c, brins, at)
        except Exception as error:
            if is_transient(error):
                raise
            for brin in brins:  # one school that always fails must not stop the others
                made += await _arrive_alone(c, brin, at, failed)
        await asyncio.sleep(min(tick() - began, LONGEST_REST_SECONDS))
    return made


async def _arrive(c: Connection, brins: Sequence[Brin], at: Moment) -> int:
    async with c.transaction():
        events = await register.arrive(c, brins, at)
        faults.here("calendar.writing")
    faults.here("calendar.committed")
    loops.moved(LOOP)
    await notify(c, "events")
    logger.info("calendar.caught_up", schools=len(brins), events=events, day=str(at.today))
    return events


async def _arrive_alone(c: Connection, brin: Brin, at: Moment, failed: set[Brin]) -> int:
    try:
        return await _arrive(c, [brin], at)
    except Exception as error:
        if is_transient(error):
            raise
        failed.add(brin)
        logger.exception("calendar.failed", brin=brin, next="retry in 1 s")
        return 0


async def anchor(c: Connection, now: datetime, anchored: date | None) -> date | None:
    """Anchor the audit for this day unless that is done; return the day that was last seen to be."""
    day = clock.today(now)
    if anchored == day:
        return anchored
    async with c.transaction():
        made = await anchors.make(c, day, now, SystemActor.HUB)
    if made is not None:
        logger.info("audit.anchored", day=str(day), chains=made.chains, seal=made.seal.hex())
    return day if made is not None or await anchors.find(c, day) else None
