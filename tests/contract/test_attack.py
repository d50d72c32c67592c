"""One `serve` with the memory of a container is attacked, and another caller is answered all the while.

In: silent connections, half requests, large bodies without a token, wrong units by the hundred thousand, large bodies
that stop, reads without a bound. Out: each request of the other caller answered, memory below its limit, and the p99 of
the other caller, quiet and attacked, in print.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from asyncio.subprocess import DEVNULL
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import asyncpg
import pytest

from hub.access import Caller, Role, ensure_keyfile, issue
from hub.clock import now
from schemas.identifiers import Brin, Oin
from tests.support.api.school_calls import ONE, fill_register
from tests.support.lanes.ledger_states import plan_all
from tests.support.servers.commands import settings_of_others
from tests.support.servers.ports import free_port
from tests.support.servers.serving import PATIENCE, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.proof
MEGABYTE = 1024 * 1024
MOST_BYTES = 512 * MEGABYTE
FILES = 256
CALLS = 200
ATTACK_FROM = "127.0.0.66"
HEAD = "Host: hub\r\nContent-Type: application/json\r\n"
UNITS = '{"serviceCode":"VVA","units":[' + ",".join(["{}"] * 100_000) + "]}"
Attack = "Callable[[int, str], Awaitable[None]]"
"""It takes a port and the header of a caller with a token, and goes on until it is cancelled."""


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


@asynccontextmanager
async def limited_hub(folder: Path, database: str) -> AsyncIterator[tuple[int, int]]:
    """Run `osr-hub serve` with the limits of a container; yield its port and pid."""
    port = free_port()
    named = {
        "DATABASE__DSN": database, "AUTH__DEVELOPMENT_KEYFILE": str(folder / "key.json"), "HTTP__PORT": str(port),
        "OIN": "00000099000000009000", "LOG__LEVEL": "error", "LOG__FORMAT": "json",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.cli", "serve", cwd=folder, stdout=DEVNULL, stderr=DEVNULL, preexec_fn=_limits,
        env=settings_of_others() | {f"OSR_HUB_{name}": value for name, value in named.items()},
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(ConnectionRefusedError):
                    async with connected(port):
                        break
                await asyncio.sleep(0.05)  # nothing tells that a port begins to listen
        yield port, process.pid
        assert process.returncode is None, "it did not survive"
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


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


ATTACKS = (silence, large_anonymous_bodies, wrong_units, stalled_bodies, unbounded_reads)


async def p99_of_another(port: int, token: str) -> float:
    """Call as another caller, on a connection of its own each time and on one that stays; return the p99 in seconds."""
    seconds = []
    request = f"GET /v1/schools/18DS/status HTTP/1.1\r\n{HEAD}{token}\r\n"
    async with connected(port, "127.0.0.9") as kept:
        for n in range(CALLS):
            started = perf_counter()
            if n % 2:
                status, _, body = await kept.ask(request)
            else:
                async with connected(port, "127.0.0.9") as new:
                    status, _, body = await new.ask(request)
            assert status == 200, body
            seconds.append(perf_counter() - started)
    return sorted(seconds)[int(0.99 * CALLS) - 1]


def _memory(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines if line.startswith(("VmHWM", "VmPeak", "VmRSS")))
    return {name: int(value.split()[0]) // 1024 for name, value in found.items()}


def _token(folder: Path, role: Role, **of: object) -> str:
    caller = Caller(subject=f"attack {role}", roles=frozenset({role}), **of)  # type: ignore[arg-type]  # as given
    return f"Authorization: Bearer {issue(folder / 'key.json', caller, now=now())}\r\n"


async def test_an_attack_leaves_other_callers_alone(tmp_path: Path, database: str) -> None:
    """Alone and all together, the attacks cost nobody else an answer, and the process none of its life."""
    ensure_keyfile(tmp_path / "key.json")
    c = await asyncpg.connect(database)
    await fill_register(c)
    await plan_all(c)
    await c.close()
    other = _token(tmp_path, Role.SCHOOL, brins=frozenset({Brin("18DS")}))
    attacker = _token(tmp_path, Role.LAS, oins=frozenset({Oin(ONE)}))
    async with limited_hub(tmp_path, database) as (port, pid):
        await p99_of_another(port, other)
        quiet = await p99_of_another(port, other)
        print(f"\nquiet: p99 {quiet * 1000:.1f} ms, {_memory(pid)}")
        for attacks in (*((each,) for each in ATTACKS), ATTACKS):
            running = [asyncio.create_task(attack(port, attacker)) for attack in attacks]
            p99 = await p99_of_another(port, other)
            for task in running:
                task.cancel()
            ended = await asyncio.gather(*running, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
            names = " + ".join(each.__name__ for each in attacks)
            memory = _memory(pid)
            print(f"{names}: p99 {p99 * 1000:.1f} ms, {p99 / quiet:.1f} x quiet, {memory}")
            assert memory["VmHWM"] < MOST_BYTES // MEGABYTE
