"""Publish changes of deliveries. In: `change_outbox`, which settling fills. Out: `osr.deliveries.v1`.

A row of the outbox holds the changes of one settle flush; here they are expanded, sent and deleted. They may be 100 ms
late, so they are gathered for a moment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub import faults
from hub.envelopes import delivery_change, envelope_defaults
from hub.kafka.batches import describe
from hub.processes import loops
from hub.processes.running import run_until_set
from hub.store import ledger, published_events
from hub.store.locks import CHANGES
from hub.store.wakeups import Listener
from producers.publishing import publish_forever

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.envelopes import ChangeSubject, EnvelopeDefaults, StatusChange
    from hub.settings import Settings
    from hub.store.pool import Connection
    from producers.publishing import Publisher

TOPIC: Final = "osr.deliveries.v1"
LOOP: Final = "produce.changes"
MOST_ROWS: Final = 20
GATHER_SECONDS: Final = 0.1
logger = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Publish until `stop` is set."""

    async def work(c: Connection, publisher: Publisher) -> None:
        defaults = envelope_defaults(settings.oin, settings.http.address, await ledger.epoch(c))
        async with Listener(settings.direct_dsn, "changes") as listener:
            while True:
                if not await publish(c, publisher, defaults):
                    await listener.wait()
                    await asyncio.sleep(GATHER_SECONDS)

    await run_until_set(stop, publish_forever(settings, CHANGES, work, LOOP))


async def publish(c: Connection, publisher: Publisher, defaults: EnvelopeDefaults, topic: str = TOPIC) -> int:
    """Publish the changes of the next settle flushes; return how many there were."""
    rows = await published_events.read_changes(c, MOST_ROWS)
    if not rows:
        loops.moved(LOOP)
        return 0
    loops.waits(LOOP)
    changes = [change for items in rows.values() for change in items]
    subjects = await published_events.subjects(c, changes)
    records = [record for x in changes if (subject := subjects.get(x.key)) for record in _record(x, subject, defaults)]
    faults.here("changes.sending")
    await _send(publisher, topic, records)
    faults.here("changes.sent")
    await published_events.delete_changes(c, list(rows))
    faults.here("changes.dropped")
    loops.worked(LOOP)
    return len(changes)


async def _send(publisher: Publisher, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
    """Send records; those that the broker refuses are left out, unless it refuses all: then the topic is at fault."""
    refused = (await publisher.send(topic, records)).refused
    if refused and len(refused) == len(records):
        raise next(iter(refused.values()))
    for place, error in refused.items():
        brin, words = records[place][0], describe(error)
        logger.error("change.refused", topic=topic, brin=brin, error=words, next="left out; GET /v1/deliveries has it")


def _record(change: StatusChange, subject: ChangeSubject, defaults: EnvelopeDefaults) -> list[tuple[str, bytes]]:
    """Write a change as a record; one that cannot be written is left out, so that it holds up no other."""
    try:
        return [(change.brin, delivery_change(change, subject, defaults))]
    except (ValueError, TypeError, KeyError):
        logger.exception("change.unpublishable", delivery=str(subject.delivery_id), change=change, next="left out")
        return []
