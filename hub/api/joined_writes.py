"""Writes to a caller what belongs together in one piece. In: pieces of an answer. Out: one write per answer.

uvicorn writes the head of an answer and its body apart, and uvloop hands each to the kernel at once: two calls of the
system, two packets, and a caller that is woken twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio

MOST_JOINED: Final = 16 * 1024
"""Beyond so many bytes nothing is held back: a caller that does not read must be felt by who writes to it."""


class JoinedWrites:
    """A transport that keeps what is written until it is flushed, at the latest in the next turn of the loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, piece: bytes) -> None:
        """Keep a piece for the next write."""
        if not self._pieces:
            self._loop.call_soon(self.flush)
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > MOST_JOINED:
            self.flush()

    def flush(self) -> None:
        """Write what is kept; to a connection that is gone nothing is written."""
        if self._pieces:
            pieces, self._pieces, self._size = self._pieces, [], 0
            if not self._transport.is_closing():
                self._transport.write(b"".join(pieces))

    def write_eof(self) -> None:
        """Write what is kept, and say that nothing follows."""
        self.flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Write what is kept, and close."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what is kept is lost, like what is under way."""
        self._pieces, self._size = [], 0
        self._transport.abort()

    def is_closing(self) -> bool:
        """Return whether it is closed, or being closed."""
        return self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the transport's own
        return getattr(self._transport, name)
