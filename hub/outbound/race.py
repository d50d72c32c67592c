"""Connect to the first of several addresses that answers. In: addresses, how to connect. Out: the first connection.

Each next address begins a moment after the one before it, so that one that is deaf delays nobody for long (RFC 8305).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, TypeVar

from hub.outbound.answers import NotConnectedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hub.outbound.addresses import IPAddress

HEAD_START_SECONDS: Final = 0.25
T = TypeVar("T")


async def connect_first(
    addresses: Sequence[IPAddress], connect: Callable[[IPAddress], Awaitable[T]], discard: Callable[[T], None]
) -> T:
    """Return the first connection that comes about, and discard any other; raise `NotConnectedError` when none does."""
    if len(addresses) == 1:
        try:
            return await connect(addresses[0])
        except OSError as error:
            raise NotConnectedError(error) from None
    waiting, causes = deque(addresses), list[BaseException]()
    trying: set[asyncio.Task[T]] = set()
    try:
        while waiting or trying:
            if waiting:
                trying.add(asyncio.ensure_future(_run(connect, waiting.popleft())))
            done, _ = await asyncio.wait(
                trying, timeout=HEAD_START_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                trying.discard(task)
                failed = task.exception()
                if failed is None:
                    return task.result()
                causes.append(failed)
        raise NotConnectedError(*causes)
    finally:
        for task in trying:
            task.add_done_callback(lambda late: _discard(late, discard))
            task.cancel()


async def _run(connect: Callable[[IPAddress], Awaitable[T]], address: IPAddress) -> T:
    return await connect(address)


def _discard(task: asyncio.Task[T], discard: Callable[[T], None]) -> None:
    if not task.cancelled() and task.exception() is None:
        discard(task.result())
