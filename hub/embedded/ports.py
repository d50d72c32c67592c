"""Which ports the servers listen on. In: remembered numbers. Out: free ones, the same as last time where possible."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contextlib import ExitStack

LOOPBACK: Final = "127.0.0.1"
BELOW_OUTGOING: Final = range(20_000, 32_000)
"""Not where the system takes ports for outgoing connections: there a client that tries again and again while its server
is away can take the server's port, or connect to itself."""


def why_not(port: int) -> str | None:
    """Return why a server could not listen on this loopback port now; None when it could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return str(error.strerror)
    return None


def is_free(port: int) -> bool:
    """Return whether a server could listen on this loopback port now."""
    return why_not(port) is None


def claim(port: int, claims: ExitStack) -> bool:
    """Reserve a port among the stacks of this machine until `claims` closes; False when another stack has it.

    A port is free until something listens on it, which a stack does seconds after it chose one: without a claim two
    stacks that start together choose the same port, and each takes the other's API for its own. The claim is a name
    in Linux's abstract socket namespace, which ends with the process; other systems have none.
    """
    if sys.platform != "linux":
        return True
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0osr-hub-port-{port}")
    except OSError:
        name.close()
        return False
    claims.callback(name.close)
    return True


def choose(remembered: list[int], count: int) -> list[int]:
    """Return `count` different free ports: the remembered ones when all are free, else new ones."""
    if len(remembered) == count and all(is_free(port) for port in remembered):
        return remembered
    candidates = random.SystemRandom().sample(BELOW_OUTGOING, len(BELOW_OUTGOING))
    return [port for _, port in zip(range(count), filter(is_free, candidates), strict=False)]


async def listens(port: int) -> bool:
    """Return whether something accepts connections on this loopback port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True
