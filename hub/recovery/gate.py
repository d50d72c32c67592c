"""Wait while the published log is ahead of the database. In: log and database. Out: whether the caller may begin.

Processes that create or plan events wait here first: numbers that the log has must not be given twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka.errors import KafkaError

from hub.errors import LogIsAhead
from hub.kafka.reach import find_fault
from hub.recovery.compare import compare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.pool import Connection

AHEAD_SECONDS: Final = 3.0
AWAY_SECONDS: Final = 0.5
log = structlog.get_logger(__name__)


async def wait_until_caught_up(c: Connection, options: Mapping[str, Any], topic: str, stop: asyncio.Event) -> bool:
    """Wait until the database has all that the log has; say whether it has, or `stop` was set."""
    while not stop.is_set():
        try:
            (await compare(c, options, topic)).raise_if_ahead()
        except LogIsAhead as fault:
            log.error("work.refused", error=fault.detail, next=fault.next_step)  # noqa: TRY400 - it says all
            await _pause(stop, AHEAD_SECONDS)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning(
                "log.unseen", topic=topic, error=await find_fault(options, error, [topic]), next="retry in 0.5 s"
            )
            await _pause(stop, AWAY_SECONDS)
        else:
            return True
    return False


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation in Python 3.11
            await stop.wait()
