"""Attacks on a served hub without end, as programs: `python -m tests.support.receivers.attacks PORT TOKEN NAME`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack, suppress

from tests.support.servers.serving import connected

MEGABYTE = 1024 * 1024
ATTACK_FROM = "127.0.0.66"
HEAD = "Host: hub\r\nContent-Type: application/json\r\n"
UNITS = '{"serviceCode":"VVA","units":[' + ",".join(["{}"] * 100_000) + "]}"


async def silence(port: int, _token: str) -> None:
    """Open 400 connections, say nothing on half of them and half a request on the others, and again."""
    while True:
        async with AsyncExitStack() as stack:
            for n in range(400):
                with suppress(ConnectionError):
                    line = await stack.enter_async_context(connected(port, ATTACK_FROM))
                    line.writer.write(b"" if n % 2 else b"POST /v1/mandates HTTP/1.1\r\nHo")
            await asyncio.sleep(1)  # they are held, which is the attack


async def large_anonymous_bodies(port: int, _token: str) -> None:
    """Send 7.4 MB of empty objects without a token."""
    body = "[" + "{}," * 2_400_000 + "{}]"
    while True:
        await _ask(port, f"POST /v1/reconciliation HTTP/1.1\r\n{HEAD}Content-Length: {len(body)}\r\n\r\n{body}")


async def wrong_units(port: int, token: str) -> None:
    """Send 100,000 empty units."""
    while True:
        head = f"POST /v1/reconciliation HTTP/1.1\r\n{HEAD}{token}Content-Length: {len(UNITS)}\r\n\r\n"
        await _ask(port, head + UNITS)


async def stalled_bodies(port: int, token: str) -> None:
    """Begin 24 large bodies and stop."""
    while True:
        async with AsyncExitStack() as stack:
            for _ in range(24):
                with suppress(ConnectionError):
                    line = await stack.enter_async_context(connected(port, ATTACK_FROM))
                    head = f"POST /v1/reconciliation HTTP/1.1\r\n{HEAD}{token}Content-Length: 8000000\r\n\r\n"
                    line.writer.write(head.encode() + b" " * MEGABYTE)
            await asyncio.sleep(1)  # they are held, which is the attack


async def unbounded_reads(port: int, token: str) -> None:
    """Ask for all deliveries and for `/metrics`, eight times at once."""
    paths = ("/v1/deliveries?status=dead&limit=1000", "/v1/events?limit=1000", "/metrics", "/health/ready")

    async def read(path: str) -> None:
        while True:
            await _ask(port, f"GET {path} HTTP/1.1\r\n{HEAD}{token}\r\n")

    await asyncio.gather(*(read(path) for path in paths for _ in range(2)))


async def _ask(port: int, request: str) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        async with connected(port, ATTACK_FROM) as line:
            await line.ask(request)


ATTACKS = {
    each.__name__: each for each in (silence, large_anonymous_bodies, wrong_units, stalled_bodies, unbounded_reads)
}

if __name__ == "__main__":
    print("attacking", flush=True)
    asyncio.run(ATTACKS[sys.argv[3]](int(sys.argv[1]), sys.argv[2]))
