"""Connections to receivers: one exchange at a time, and the idle ones that wait for the next. In: a request's bytes.

Out: the head of the answer as soon as it is there, with the beginning of its body where it is no success; what follows
is read to a bound and thrown away, and only then is the connection used again. The idle ones of all receivers together
are bounded: the one that waited longest is closed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from cryptography.x509 import load_der_x509_certificate

from hub.outbound.answers import ClosedError, NotAnsweredError
from hub.outbound.heads import (
    CHUNKED,
    MAX_HEAD_BYTES,
    UNTIL_CLOSED,
    Head,
    find_end_of_chunks,
    is_foreign,
    read_chunks,
    read_head,
    read_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from cryptography.x509 import Certificate

    from hub.outbound.addresses import IPAddress
    from hub.outbound.places import Deadlines

MAX_BODY_BYTES: Final = 16_384
EXCERPT_BYTES: Final = 2048
BODY_SECONDS: Final = 2.0
IDLE_SECONDS: Final = 55.0
CLOSED: Final = "the receiver closed the connection without an answer"


class Connection(asyncio.Protocol):
    """One connection; `when_free` is called when it can be used again."""

    def __init__(self, address: IPAddress, when_free: Callable[[Connection], None], deadlines: Deadlines) -> None:
        self.address = address
        self.is_lost = False
        self.when_lost: Callable[[Connection], None] | None = None
        self._when_free = when_free
        self._deadlines = deadlines
        self._transport: asyncio.Transport
        self._received = b""
        self._waiting: asyncio.Future[Head] | None = None
        self._head: Head | None = None
        self._deadline: asyncio.TimerHandle | None = None

    async def exchange(self, request: bytes, deadline: float) -> Head:
        """Send a request and return the head of its answer; raise `NotAnsweredError`, or `TimeoutError` at `deadline`.

        Whoever stops waiting closes the connection.
        """
        self._waiting = waiting = asyncio.get_running_loop().create_future()
        expire = partial(self._expire, waiting)
        self._deadlines.set(expire, deadline)
        self._transport.write(request)
        try:
            head: Head = await waiting
            return head
        finally:
            self._deadlines.withdraw(expire)
            if waiting.cancelled():
                self.close()
            if self._waiting is waiting:  # else the connection is free, and another request uses it already
                self._waiting = None

    @property
    def certificate(self) -> Certificate | None:
        """The certificate that the receiver showed; None by plain http."""
        secured = self._transport.get_extra_info("ssl_object")
        shown = None if secured is None else secured.getpeercert(binary_form=True)
        return None if shown is None else load_der_x509_certificate(shown)

    def close(self) -> None:
        """Close at once."""
        self.is_lost = True
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read a head, then let the body pass; what nobody asked for closes the connection."""
        if self._head is not None:
            self._received += data
            self._pass_body()
        elif self._waiting is None or self._waiting.done():
            self.close()
        else:
            self._received += data
            self._read_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Settle for the status line where one came; else there is no answer."""
        self.is_lost = True
        if self._deadline is not None:
            self._deadline.cancel()
        if self._waiting is not None and not self._waiting.done():
            causes = () if exc is None else (exc,)
            kind = NotAnsweredError if self._received else ClosedError
            self._settle(kind(*causes, words=CLOSED))
        if self.when_lost is not None:
            self.when_lost(self)

    def _read_head(self) -> None:
        while (found := read_head(self._received)) is not None:
            head, self._received = found
            if not head.is_interim:
                self._answer(head)
                return
        if is_foreign(self._received):
            self._settle(NotAnsweredError(words="the receiver does not answer in HTTP/1.1"))
            self.close()
        elif len(self._received) > MAX_HEAD_BYTES:
            self._settle(NotAnsweredError(words="the head of the receiver's answer has no end"))
            self.close()

    def _expire(self, waiting: asyncio.Future[Head]) -> None:
        if not waiting.done():
            self._settle(TimeoutError())
            self.close()

    def _settle(self, error: Exception) -> None:
        """Take the status line for the answer where it came, though its head never ended; else there is no answer."""
        if self._waiting is None or self._waiting.done():
            return
        if self._head is not None:
            self._give_excerpt()
            return
        head = read_status(self._received)
        if head is None:
            self._waiting.set_exception(error)
        else:
            self._waiting.set_result(head)

    def _answer(self, head: Head) -> None:
        self._head = head
        if self._waiting is not None and head.is_success:
            self._waiting.set_result(head)
        self._pass_body()

    def _give_excerpt(self) -> None:
        """Give the answer that is waited for, with the beginning of its body, if it was not given yet."""
        if self._head is None or self._waiting is None or self._waiting.done():
            return
        body = read_chunks(self._received) if self._head.length == CHUNKED else self._received
        self._waiting.set_result(replace(self._head, excerpt=body[:EXCERPT_BYTES]))

    def _is_excerpt_wanted(self, end: int | None) -> bool:
        """Return whether the beginning of the body is waited for and has not come yet."""
        here = len(self._received)
        is_waited_for = self._waiting is not None and not self._waiting.done()
        return is_waited_for and here < EXCERPT_BYTES and not (end is not None and 0 <= end <= here)

    def _pass_body(self) -> None:
        """Let the rest of an answer pass; free the connection at its end, close it when it is too long or unclear."""
        length = UNTIL_CLOSED if self._head is None else self._head.length
        try:
            end = find_end_of_chunks(self._received) if length == CHUNKED else length
        except ValueError:
            end = UNTIL_CLOSED
        here = len(self._received)
        if self._is_excerpt_wanted(end):
            self._limit_body()
            return
        self._give_excerpt()
        if self._head is None or not self._head.stays_open:
            end = UNTIL_CLOSED
        if end == UNTIL_CLOSED or here > MAX_BODY_BYTES or (end is not None and not here <= end <= MAX_BODY_BYTES):
            self.close()
        elif end == here:
            self._free()
        else:
            self._limit_body()

    def _limit_body(self) -> None:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(BODY_SECONDS, self._stop_reading)

    def _stop_reading(self) -> None:
        self._give_excerpt()
        self.close()

    def _free(self) -> None:
        self._head, self._received = None, b""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._transport.get_write_buffer_size():  # it answered before it had read all: the rest is still on its way
            self.close()
        elif not self.is_lost:
            self._when_free(self)


class IdleConnections:
    """The idle connections to all receivers, by the owner that they belong to."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_owner: dict[Hashable, list[Connection]] = defaultdict(list)
        self._oldest: OrderedDict[Connection, tuple[Hashable, float]] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._oldest)

    def take(self, owner: Hashable) -> Connection | None:
        """Return the connection that was used last, or None."""
        of_owner = self._by_owner.get(owner)
        if not of_owner:
            return None
        connection = of_owner.pop()
        del self._oldest[connection]
        connection.when_lost = None
        return connection

    def put(self, owner: Hashable, connection: Connection) -> None:
        """Keep a connection for the next request."""
        loop = asyncio.get_running_loop()
        connection.when_lost = self._drop
        self._by_owner[owner].append(connection)
        self._oldest[connection] = owner, loop.time()
        if len(self._oldest) > self._limit:
            self.close_oldest()
        if self._sweep is None and self._oldest:
            self._sweep = loop.call_later(IDLE_SECONDS, self._close_old)

    def resize(self, limit: int) -> None:
        """Keep at most this many."""
        self._limit = limit
        while len(self._oldest) > limit:
            self.close_oldest()

    def close_oldest(self) -> None:
        """Close the connection that waited longest."""
        connection = next(iter(self._oldest))
        self._drop(connection)
        connection.close()

    def close_all(self, owner: Hashable) -> None:
        """Close the idle connections of an owner."""
        for connection in list(self._by_owner.get(owner, ())):
            self._drop(connection)
            connection.close()

    def close(self) -> None:
        """Close all of them."""
        if self._sweep is not None:
            self._sweep.cancel()
        while self._oldest:
            self.close_oldest()

    def _drop(self, connection: Connection) -> None:
        connection.when_lost = None
        owner, _ = self._oldest.pop(connection)
        of_owner = self._by_owner[owner]
        of_owner.remove(connection)
        if not of_owner:
            del self._by_owner[owner]

    def _close_old(self) -> None:
        loop = asyncio.get_running_loop()
        while self._oldest and loop.time() - next(iter(self._oldest.values()))[1] >= IDLE_SECONDS:
            self.close_oldest()
        self._sweep = loop.call_later(IDLE_SECONDS, self._close_old) if self._oldest else None
