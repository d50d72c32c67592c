"""One `serve` with the memory of a container is attacked, and another caller is answered all the while.

In: silent connections, half requests, large bodies without a token, wrong units by the hundred thousand, large bodies
that stop, reads without a bound. Out: each request of the other caller answered, memory below its limit, and in print
the p99 of the other caller, quiet and attacked, beside that at a server that does nothing of its own.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import asyncpg
import pytest

from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.clock import now
from schemas.identifiers import Brin, Oin
from tests.support.api.school_calls import ONE, fill_register
from tests.support.lanes.ledger_states import plan_all
from tests.support.receivers.attacks import ATTACKS, HEAD
from tests.support.servers.ports import free_port
from tests.support.servers.serving import PATIENCE, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.proof
MEGABYTE = 1024 * 1024
MOST_BYTES = 512 * MEGABYTE
FILES = 256
CALLS = 400
NICE = 19
AUTOGROUP = Path("/proc/self/autogroup")


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


@asynccontextmanager
async def limited_hub(folder: Path, database: str) -> AsyncIterator[tuple[int, int]]:
    """Run `osr-hub serve` with the limits of a container; yield its port and pid."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OSR_HUB_")}
    named = {
        "DATABASE__DSN": database, "AUTH__DEVELOPMENT_KEYFILE": str(folder / "key.json"), "HTTP__PORT": str(port),
        "OIN": "00000099000000009000", "LOG__LEVEL": "error", "LOG__FORMAT": "json",
    }  # fmt: skip
    log = (folder / "serve.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.cli", "serve", cwd=folder, stdout=log, stderr=log,
        preexec_fn=_limits,
        env=kept | {f"OSR_HUB_{name}": value for name, value in named.items()},
    )  # fmt: skip
    with log:
        async with _listening(process, port):
            yield port, process.pid
            assert process.returncode is None, "it did not survive"
            assert (folder / "serve.log").read_bytes() == b"", "it failed"


@asynccontextmanager
async def bare_server(database: str) -> AsyncIterator[int]:
    """Run a server that does nothing of its own; yield its port."""
    port = free_port()
    command = (sys.executable, "-m", "tests.support.servers.bare_server", str(port), database)
    async with _listening(await asyncio.create_subprocess_exec(*command), port):
        yield port


@asynccontextmanager
async def _listening(process: asyncio.subprocess.Process, port: int) -> AsyncIterator[None]:
    """Wait until a process listens, and end it behind the block."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(ConnectionRefusedError):
                    async with connected(port):
                        break
                await asyncio.sleep(0.05)  # nothing tells that a port begins to listen
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@asynccontextmanager
async def attacked(port: int, token: str, *names: str) -> AsyncIterator[None]:
    """Attack while the block lasts, and leave the processors to the hub: those who attack bring their own.

    Linux shares processors out among sessions first: a low priority counts in a session of its own only.
    """
    command = (sys.executable, "-m", "tests.support.receivers.attacks", str(port), token)
    processes = [
        await asyncio.create_subprocess_exec(
            *command, name, stdout=PIPE, start_new_session=True, preexec_fn=_take_what_is_left
        )
        for name in names
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            await process.stdout.readline()
        yield
        assert {process.returncode for process in processes} == {None}
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _take_what_is_left() -> None:
    os.nice(NICE)
    with suppress(OSError):  # no such file: the kernel does not group by session
        AUTOGROUP.write_text(str(NICE))


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
    return sorted(seconds)[int(0.99 * CALLS)]


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
    async with limited_hub(tmp_path, database) as (port, pid), bare_server(database) as bare:
        for each in (port, bare):
            await p99_of_another(each, other)
        quiet, alone = [await p99_of_another(each, other) for each in (port, bare)]
        print(f"\nquiet: p99 {_shown(quiet)}, {_memory(pid)}; the machine alone: {_shown(alone)}")
        for attacks in (*((each,) for each in ATTACKS), ATTACKS):
            async with attacked(port, attacker, *attacks):
                p99 = await p99_of_another(port, other)
            memory = _memory(pid)
            async with attacked(bare, attacker, *attacks):
                floor = await p99_of_another(bare, other)
            print(
                f"{' + '.join(attacks)}: p99 {_shown(p99)}, {p99 / quiet:.1f} x quiet, {memory}; "
                f"the machine alone: {_shown(floor)}, {floor / alone:.1f} x"
            )
            assert memory["VmHWM"] < MOST_BYTES // MEGABYTE


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
