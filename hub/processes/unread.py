"""Count what a consumer group has not read. In: the offsets of a topic and of the group. Out: a row, every few seconds.

Records that others wrote exist on a broker alone until they are read: how many wait, and for how long, is shown beside
what waits in the database.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka.errors import KafkaError

from hub.kafka.group_lag import open_group_lag
from hub.processes import loops
from hub.store import health
from hub.store.pool import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.kafka.group_lag import GroupLag
    from hub.store.pool import Pool

COUNT_SECONDS: Final = 3.0
RETRY_SECONDS: Final = 3.0
READ_SECONDS: Final = 15.0
BELIEVED_SECONDS: Final = 31 * 86400.0
"""A record that its writer dated further back has no believable date."""
log = structlog.get_logger(__name__)


async def count_unread(pool: Pool, options: Mapping[str, Any], group: str, topic: str, loop: str) -> None:
    """Count until cancelled; `loop` is its name in the health."""
    age = UnreadAge()
    while True:
        try:
            async with open_group_lag(options, group, topic) as reader:
                while True:
                    async with asyncio.timeout(READ_SECONDS):
                        lag = await reader.read()
                    if lag is not None:
                        async with pool.acquire() as c:
                            await health.write_unread(c, group, topic, lag.records, age.of(lag))
                    loops.moved(loop)
                    await asyncio.sleep(COUNT_SECONDS)
        except (KafkaError, *DATABASE_ERRORS) as error:
            loops.failed(loop, error)
            log.info("unread.not_counted", topic=topic, group=group, error=str(error), next="retry in 3 s")
            await asyncio.sleep(RETRY_SECONDS)


class UnreadAge:
    """The age of the oldest unread record: by its writer's clock, or since it was first seen where that is no help."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    def of(self, lag: GroupLag) -> float | None:
        """Return the age; None when everything was read."""
        if not lag.records:
            self._since = None
            return None
        if self._since is None:
            self._since = self._clock()
        seen = self._clock() - self._since
        if lag.oldest_seconds is None or lag.oldest_seconds > BELIEVED_SECONDS:
            return seen
        return lag.oldest_seconds
