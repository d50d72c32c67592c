"""`osr-hub serve` as a process: it answers, and it stops when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING

import pytest

from hub.access.development import ensure_keyfile
from hub.api.app import CONNECTIONS
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Connection

PATIENCE_SECONDS = 60
OPENED = (
    "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'osr-hub serve'"
)


async def start(folder: Path, *command: str, **named: str) -> asyncio.subprocess.Process:
    """Start a command of `osr-hub` with these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OSR_HUB_")}
    environment = inherited | {f"OSR_HUB_{name}": value for name, value in named.items()}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.cli", *command, cwd=folder, env=environment, stdout=PIPE, stderr=PIPE
    )


async def ask(port: int, path: str) -> bytes:
    """Ask until something answers, and return the first line of the answer."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)  # nothing tells that a port begins to listen
            continue
        writer.write(f"GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n".encode())
        first = await reader.readline()
        writer.close()
        return first


@pytest.fixture
def settings(tmp_path: Path, database: str) -> dict[str, str]:
    """Give the settings of a hub with a database and a development key."""
    ensure_keyfile(tmp_path / "key.json")
    return {
        "DATABASE__DSN": database,
        "AUTH__DEVELOPMENT_KEYFILE": str(tmp_path / "key.json"),
        "HTTP__PORT": str(free_port()),
        "OIN": "00000099000000009000",
    }


async def test_it_answers_and_stops_on_sigterm(tmp_path: Path, settings: dict[str, str]) -> None:
    """A served hub is ready, and ends with 0 within ten seconds of SIGTERM, even while a caller keeps its line open."""
    process = await start(tmp_path, "serve", **settings)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await ask(int(settings["HTTP__PORT"]), "/health/ready") == b"HTTP/1.1 200 OK\r\n"
    _reader, idle = await asyncio.open_connection("127.0.0.1", int(settings["HTTP__PORT"]))
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(90):
        await process.communicate()
    idle.close()

    assert process.returncode == 0


async def test_it_opens_its_connections_before_they_are_needed(
    tmp_path: Path, settings: dict[str, str], connection: Connection
) -> None:
    """Without a single call all connections of the pool come up, so that many callers at once open none."""
    process = await start(tmp_path, "serve", **settings)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await connection.fetchval(OPENED) < CONNECTIONS:
                await asyncio.sleep(0.05)  # nothing tells that a connection came
    finally:
        process.terminate()
        await process.communicate()


async def test_a_port_in_use_is_said_in_words(tmp_path: Path, settings: dict[str, str]) -> None:
    """Two hubs on one port: the second one says so and ends with 2."""
    with socket.create_server(("127.0.0.1", int(settings["HTTP__PORT"]))):
        process = await start(tmp_path, "serve", **settings)
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = (await process.communicate())[1].decode()

    assert process.returncode == 2
    assert said.startswith(f"osr-hub: nothing can listen on 127.0.0.1, port {settings['HTTP__PORT']}")
    assert "Traceback" not in said


async def test_nobody_is_served_without_knowing_whom_to_believe(tmp_path: Path, settings: dict[str, str]) -> None:
    """Both a real issuer and a development key is no installation."""
    process = await start(tmp_path, "serve", **settings, AUTH__ISSUER="https://issuer.example")
    async with asyncio.timeout(PATIENCE_SECONDS):
        said = (await process.communicate())[1].decode()

    assert process.returncode == 2
    assert "OSR_HUB_AUTH__ISSUER" in said


async def test_a_token_stands_alone_on_standard_output(tmp_path: Path, settings: dict[str, str]) -> None:
    """So that a script can take it."""
    process = await start(
        tmp_path, "token", "--role", "las", "--oin", "00000099000000001000", "--system", "las-1", **settings
    )
    out, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")
    assert out.count(b".") == 2
    assert out.endswith(b"\n")


async def test_a_real_issuer_is_not_imitated(tmp_path: Path, settings: dict[str, str]) -> None:
    """Where a real issuer is configured no development token is made."""
    process = await start(tmp_path, "token", "--role", "las", **settings, AUTH__ISSUER="https://issuer.example")
    out, err = await process.communicate()

    assert (process.returncode, out) == (2, b"")
    assert b"real issuer" in err


async def test_migrating_is_safe_to_repeat(tmp_path: Path, empty_database: str) -> None:
    """Two at the same time on an empty database both end well, at the same revision."""
    both = [await start(tmp_path, "migrate", DATABASE__DSN=empty_database) for _ in range(2)]
    said = [await process.communicate() for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert said[0][0] == said[1][0] != b""
