"""What belongs to one answer goes to the caller in one piece, and nothing waits longer than a turn of the loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.server import ServerState

from hub.api.connections import Connections
from hub.api.joined_writes import MOST_JOINED, JoinedWrites
from hub.api.protocol import Guard, GuardedProtocol

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

REQUEST = b"GET / HTTP/1.1\r\nhost: hub.test\r\n\r\n"


class KeptWrites(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_over = False

    def write(self, data: Any) -> None:
        """Keep what is written."""
        self.written.append(bytes(data))

    def write_eof(self) -> None:
        """Keep that nothing follows."""
        self.written.append(b"EOF")

    def close(self) -> None:
        """End the connection."""
        self.is_over = True

    def abort(self) -> None:
        """End the connection at once."""
        self.is_over = True

    def pause_reading(self) -> None:
        """Read nothing, as ever."""

    def resume_reading(self) -> None:
        """Read nothing, as ever."""

    def is_closing(self) -> bool:
        """Return whether the connection ended."""
        return self.is_over


def joined() -> tuple[JoinedWrites, KeptWrites]:
    """Return writes that are joined, and what they come to."""
    kept = KeptWrites()
    return JoinedWrites(kept, asyncio.get_running_loop()), kept


async def test_pieces_of_a_turn_are_one_write() -> None:
    """What nobody flushes is written in the next turn, once."""
    writes, kept = joined()
    writes.write(b"one ")
    writes.write(b"two")
    assert kept.written == []
    await asyncio.sleep(0)
    assert kept.written == [b"one two"]
    writes.flush()
    await asyncio.sleep(0)
    assert kept.written == [b"one two"]


async def test_a_large_piece_is_not_held_back() -> None:
    """Who writes without pause meets the transport's own bounds."""
    writes, kept = joined()
    writes.write(b"x")
    writes.write(b"y" * MOST_JOINED)
    assert [len(piece) for piece in kept.written] == [MOST_JOINED + 1]


async def test_an_end_comes_after_what_was_written() -> None:
    """Nothing is lost when a connection is closed after its last answer; what was aborted writes no more."""
    writes, kept = joined()
    writes.write(b"last")
    writes.write_eof()
    writes.write(b"words")
    writes.close()
    assert (kept.written, writes.is_closing()) == ([b"last", b"EOF", b"words"], True)
    writes, kept = joined()
    writes.write(b"lost")
    writes.abort()
    writes.write(b"late")
    await asyncio.sleep(0)
    assert kept.written == []


async def test_an_answer_is_one_write() -> None:
    """Head and body of each of two requests that come together go out as one piece, as soon as they are whole."""

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})
        done.append(len(kept.written))

    done: list[int] = []
    kept = KeptWrites()
    config = uvicorn.Config(answer, lifespan="off", log_config=None)
    config.load()
    guard = Guard(connections=Connections(most=2, most_per_address=2), silence_seconds=5, address="http://hub.test")
    protocol = GuardedProtocol(guard=guard, config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(kept)
    protocol.data_received(REQUEST * 2)
    async with asyncio.timeout(10):
        while len(done) < 2:
            await asyncio.sleep(0)
    assert done == [1, 2]
    assert [(piece[:15], piece[-4:]) for piece in kept.written] == [(b"HTTP/1.1 200 OK", b"done")] * 2
    protocol.connection_lost(None)
