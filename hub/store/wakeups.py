"""Wake other processes, and wait for what wakes this one. In: channels (`hub.store.notifications`). Out: wakeups.

A notification is sent after the commit, in a statement of its own (inside the transaction it would make commits wait
for each other), the first at once and then at most one per interval. It may be lost: listeners also poll.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Final, Self

import structlog

from hub.errors import ConfigurationError
from hub.store.connections import connect
from hub.store.notifications import Channel, notify
from hub.store.pool import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from hub.store.pool import Pool

INTERVAL_SECONDS: Final = 0.005
INTERVALS: Final[Mapping[Channel, float]] = {"changes": 0.1}
"""Where news may wait for longer: each notification wakes every process that listens, whatever it listens for."""
POLL_SECONDS = 1.0
CHECK_SECONDS = 10.0
log = structlog.get_logger(__name__)


class Notifier:
    """Notifies one channel at most once per interval, without making the caller wait."""

    def __init__(self, pool: Pool, channel: Channel) -> None:
        self._pool = pool
        self._channel = channel
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def notify(self) -> None:
        """Notify soon; calls while a notification is under way become one."""
        if self._task is not None and not self._task.done():
            self._again = True
            return
        self._task = asyncio.create_task(self._send())

    async def _send(self) -> None:
        while True:
            self._again = False
            try:
                async with self._pool.acquire() as connection:
                    await notify(connection, self._channel)
            except DATABASE_ERRORS as error:
                log.debug("notification.lost", channel=self._channel, error=str(error))  # the poll makes up for it
            await asyncio.sleep(INTERVALS.get(self._channel, INTERVAL_SECONDS))
            if not self._again:
                return


class Listener:
    """Listens on some channels past any pooler; comes back by itself after the database was away."""

    def __init__(self, dsn: str, *channels: Channel) -> None:
        self._dsn = dsn
        self._channels = channels
        self._woken = asyncio.Event()
        self._notified: set[Channel] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Wake the waiting task, from inside this process."""
        self._woken.set()

    def was_notified(self, channel: Channel) -> bool:
        """Return whether this channel was notified since the last call."""
        was_heard = channel in self._notified
        self._notified.discard(channel)
        return was_heard

    async def wait(self, seconds: float = POLL_SECONDS) -> None:
        """Wait for a notification, at most `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation in Python 3.11
                await self._woken.wait()
        self._woken.clear()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (*DATABASE_ERRORS, ConfigurationError) as error:
                log.warning("listener.lost", channels=self._channels, error=str(error), next="polls until it is back")
            await asyncio.sleep(POLL_SECONDS)

    async def _listen_once(self) -> None:
        connection = await connect(self._dsn, "osr-hub listener", needs_session=True)
        gone = asyncio.Event()
        connection.add_termination_listener(lambda *_: gone.set())
        try:
            for channel in self._channels:
                await connection.add_listener(f"osr_{channel}", partial(self._on_notification, channel))
            self._woken.set()
            while not gone.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_SECONDS):
                        await gone.wait()
                await connection.execute("select 1", timeout=CHECK_SECONDS)  # a cut without a word ends here
        finally:
            connection.terminate()

    def _on_notification(self, channel: Channel, *_: object) -> None:
        self._notified.add(channel)
        self._woken.set()
