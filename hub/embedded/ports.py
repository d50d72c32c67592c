"""Which ports the servers listen on. In: remembered numbers. Out: free ones, the same as last time where possible."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
BELOW_OUTGOING: Final = range(20_000, 32_000)
"""Not where the system takes ports for outgoing connections: there a client that tries again and again while its server
is away can take the server's port, or connect to itself."""


def is_free(port: int) -> bool:
    """Say whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(remembered: list[int], count: int) -> list[int]:
    """Return `count` different free ports: the remembered ones when all are free, else new ones."""
    if len(remembered) == count and all(is_free(port) for port in remembered):
        return remembered
    candidates = random.SystemRandom().sample(BELOW_OUTGOING, len(BELOW_OUTGOING))
    return [port for _, port in zip(range(count), filter(is_free, candidates), strict=False)]


async def listens(port: int) -> bool:
    """Say whether something accepts connections on this loopback port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True
