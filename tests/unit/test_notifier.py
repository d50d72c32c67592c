"""How often a channel is notified: at once, and then once per interval of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from hub.store.wakeups import Notifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Bells:
    """A pool whose connections note which channels were notified, and a clock that notes how long somebody rests."""

    def __init__(self) -> None:
        self.rung: list[object] = []
        self.rests: list[float] = []
        self.go_on = asyncio.Event()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Bells]:
        """Lend the connection."""
        yield self

    async def execute(self, _statement: str, channel: str) -> None:
        """Note a notification."""
        self.rung.append(channel)

    async def rest(self, seconds: float) -> None:
        """Rest until the test goes on."""
        self.rests.append(seconds)
        await self.go_on.wait()
        self.go_on.clear()


@pytest.mark.parametrize(("channel", "interval"), [("lanes", 0.005), ("changes", 0.1)])
async def test_the_first_is_sent_at_once_and_the_rest_together(
    monkeypatch: pytest.MonkeyPatch, channel: Any, interval: float
) -> None:
    """Ten calls are two notifications: the first, and one for the others after the interval of the channel."""
    bells = Bells()
    wait = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", bells.rest)
    notifier = Notifier(bells, channel)  # type: ignore[arg-type]  # all of a pool that it uses
    for _ in range(10):
        notifier.notify()
        await wait(0)
    assert (bells.rung, bells.rests) == ([f"osr_{channel}"], [interval])
    bells.go_on.set()
    for _ in range(5):
        await wait(0)
    assert (bells.rung, bells.rests) == ([f"osr_{channel}"] * 2, [interval] * 2)
    bells.go_on.set()
    for _ in range(5):
        await wait(0)
    assert len(bells.rung) == 2
