"""What the receiver itself can take, so that no other figure is its limit unseen."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tests.bench.figures import Figure, rate

if TYPE_CHECKING:
    from tests.bench.world import World

CONNECTIONS: Final = 8
PIPELINED: Final = 50
ROUNDS: Final = 60
ANSWER: Final = b"\r\n\r\n"


async def receiver_limit(world: World) -> list[Figure]:
    """Posts of a real size on kept connections, many on their way at once, by a sender that does nothing else."""
    body = await world.sample()
    head = b"POST /ok/limit HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    began = time.monotonic()
    await asyncio.gather(*(_send(world.sink, (head + body) * PIPELINED) for _ in range(CONNECTIONS)))
    took = time.monotonic() - began
    await world.arrivals()
    return [
        rate("the receiver takes at least", CONNECTIONS * PIPELINED * ROUNDS / took),
        Figure(what="bytes per message", value=len(body), unit="B"),
    ]


async def _send(url: str, requests: bytes) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for _ in range(ROUNDS):
        writer.write(requests)
        for _ in range(PIPELINED):
            await reader.readuntil(ANSWER)
    writer.close()
