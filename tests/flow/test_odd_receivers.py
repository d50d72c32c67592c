"""A forwarder and receivers as others write them: no attempt is lost to a closed connection, nothing is sent twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tests.flow.test_las_forwarding import grant_many
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.receivers.served import read_request, served
from tests.support.register.subscriptions import LAS, assert_books_right, lane, make_register, subscribed

if TYPE_CHECKING:
    import asyncio

    from hub.settings import Settings
    from hub.store.pool import Connection

MESSAGES: Final = 61
NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
ODD: Final = b"HTTP/1.1 200 OK\r\nServer : odd\r\n" + b"X-More: y\r\n" * 150 + b"Content-Length: 0\r\n\r\n"


async def deliver(c: Connection, settings: Settings, url: str) -> list[str]:
    """Send a lane of many messages to a receiver; give the outcomes of the failed attempts."""
    await make_register(c)
    await subscribed(c, url=url)
    await grant_many(c, MESSAGES)

    async def settled() -> bool:
        return bool(await c.fetchval("select bool_and(head = tail) from lanes"))

    async with forwarder(settings):
        await until(settled)
    assert {status for *_, status in await lane(c, f"las:{LAS}")} == {"delivered"}
    await assert_books_right(c)
    return [row["error"] for row in await c.fetch("select error from attempts")]


def sequence_of(request: bytes) -> int:
    """Read the number of the message in a request."""
    return int(json.loads(request.partition(b"\r\n\r\n")[2])["sequence"])


async def test_a_receiver_that_closes_connections_without_a_word_gets_its_lane_at_once(
    connection: Connection, database: str
) -> None:
    """Each connection takes two messages and is closed: no attempt fails, and the order stays."""
    taken: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            taken.append(sequence_of(await read_request(reader)))
            writer.write(NO_CONTENT)
            await writer.drain()
        await read_request(reader)

    async with served(serve) as port:
        failed = await deliver(connection, settings_for(database), f"http://127.0.0.1:{port}/")
    assert failed == []
    assert taken == list(range(1, MESSAGES + 1))


async def test_a_receiver_with_odd_headers_gets_each_message_once(connection: Connection, database: str) -> None:
    """What it accepted is not sent again, whatever stands behind its status."""
    taken: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            taken.append(sequence_of(await read_request(reader)))
            writer.write(ODD)
            await writer.drain()

    async with served(serve) as port:
        failed = await deliver(connection, settings_for(database), f"http://127.0.0.1:{port}/")
    assert failed == []
    assert taken == list(range(1, MESSAGES + 1))
