"""An issuer's token endpoint on loopback. In: ids and secrets of clients. Out: tokens, by client credentials."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


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
