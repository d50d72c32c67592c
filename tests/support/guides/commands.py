"""Runs the commands of a guide as they are written. In: its name, what its reader has. Out: what was printed."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from tests.support.guides.starting_points import GUIDES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

COMMANDS: Final = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
BEFORE: Final = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait || true' EXIT\n"
SECONDS: Final = 120


async def run_guide(name: str, folder: Path, settings: Mapping[str, str]) -> str:
    """Run all blocks of commands of a guide in one shell, in a folder; fail with what was printed when one fails."""
    blocks = COMMANDS.findall((GUIDES / f"{name}.en.md").read_text())
    assert len(blocks) > 3
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OSR_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", BEFORE + "\n".join(blocks)),
        cwd=folder,
        env={**kept, **settings, "PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode(errors="replace")
    return said.decode()


@asynccontextmanager
async def token_endpoint(tokens: Mapping[str, str]) -> AsyncIterator[str]:
    """Give tokens by client credentials, as an issuer does; `tokens` has one per "id:secret"."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}
        form = (await reader.readexactly(int(headers["content-length"]))).decode()
        client = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
        token = tokens.get(client) if form == "grant_type=client_credentials" else None
        body = orjson.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 300} if token else {})
        status = "200 OK" if token else "401 Unauthorized"
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
