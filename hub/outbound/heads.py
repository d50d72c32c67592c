"""The head of an answer, read as leniently as it may be: the status line decides. In: bytes. Out: status and framing.

A message that a receiver accepted must count as accepted, however odd the headers are that follow its status: a blank
before a colon, folded or endless lines, a bare line feed, no reason phrase. Framing only decides whether the connection
can be used again; in doubt it is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT_HEADERS: Final = ("retry-after", "webhook-allowed-origin", "webhook-allowed-rate")
MAX_HEAD_BYTES: Final = 65_536
SHORT_BYTES: Final = 1024
"""Answers up to this length are remembered by what they say."""
UNTIL_CLOSED: Final = -1
CHUNKED: Final = -2
_STATUS: Final = re.compile(rb"(?:HTTP/(\d)(?:\.(\d))?|ICY)[ \t]+([1-9]\d\d)(?=[ \t\r\n])[^\n]*\n", re.IGNORECASE)
_END: Final = re.compile(rb"\n\r?\n")
_READ: Final = frozenset(
    {*(name.encode() for name in KEPT_HEADERS), b"connection", b"content-length", b"transfer-encoding"}
)
_WITHOUT_BODY: Final = frozenset({204, 304})
_SWITCHING: Final = 101
_FINAL: Final = 200
_REDIRECT: Final = 300


@dataclass(frozen=True, slots=True)
class Head:
    """The status of an answer, the headers that the hub reads, the length of its body, and whether more may follow.

    `excerpt` is the beginning of the body of an answer that is no success.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int = UNTIL_CLOSED
    stays_open: bool = False
    excerpt: bytes = b""
    is_interim: bool = False
    """Whether the answer itself is still to come (1xx)."""

    @property
    def is_success(self) -> bool:
        """Whether the receiver took the request, so that nobody reads the body."""
        return self.status < _REDIRECT


def read_head(received: bytes) -> tuple[Head, bytes] | None:
    """Return a complete head and what follows it; None when it is not complete, or no head of HTTP."""
    return _read_short(received) if len(received) <= SHORT_BYTES else _read(received)


def _read(received: bytes) -> tuple[Head, bytes] | None:
    end = _END.search(received, len(received) - len(received.lstrip(b"\r\n")))
    head = None if end is None else _parse(received[: end.end()])
    return None if end is None or head is None else (head, received[end.end() :])


_read_short = lru_cache(1024)(_read)  # a receiver answers alike, message after message


def read_status(received: bytes) -> Head | None:
    """Return the head that a complete status line makes by itself; None where there is none."""
    status = _STATUS.match(received.lstrip(b"\r\n"))
    return None if status is None else Head(int(status[3]), is_interim=_is_interim(int(status[3])))


def is_foreign(received: bytes) -> bool:
    """Return whether what was received can never become an answer of HTTP."""
    begun = received.lstrip(b"\r\n")
    return bool(begun) and b"\n" in begun and _STATUS.match(begun) is None


def find_end_of_chunks(body: bytes) -> int | None:
    """Return where a chunked body ends; None when it goes on; raise `ValueError` when it is not chunked at all."""
    at = 0
    while (line_end := body.find(b"\n", at)) >= 0:
        size = int(body[at:line_end].split(b";")[0], 16)
        at = line_end + 1
        if size < 0:
            raise ValueError(size)
        if size == 0:
            end = _END.search(body, line_end)
            return None if end is None else end.end()
        at += size
        if len(body) <= at:
            return None
        at = body.find(b"\n", at) + 1
        if at == 0:
            return None
    return None


def read_chunks(body: bytes) -> bytes:
    """Return the content of a chunked body, as far as it came and can be read."""
    found, at = b"", 0
    while (line_end := body.find(b"\n", at)) >= 0:
        try:
            size = int(body[at:line_end].split(b";")[0], 16)
        except ValueError:
            break
        found += body[line_end + 1 : line_end + 1 + max(size, 0)]
        at = body.find(b"\n", line_end + 1 + max(size, 0)) + 1
        if size <= 0 or at == 0:
            break
    return found


def _read_fields(lines: list[bytes]) -> dict[bytes, bytes]:
    """Return the headers that are read; of a repeated one the first, of a length that contradicts itself nothing."""
    unfolded: list[bytes] = []
    for line in lines:
        if line[:1] in {b" ", b"\t"} and unfolded:
            unfolded[-1] += line
        else:
            unfolded.append(line)
    found: dict[bytes, bytes] = {}
    for line in unfolded:
        name, _, value = line.partition(b":")
        if (known := name.strip().lower()) in _READ:
            kept = found.setdefault(known, value.strip())
            if known == b"content-length" and kept != value.strip():
                found[known] = b"contradictory"
    return found


def _parse(received: bytes) -> Head | None:
    status = _STATUS.match(received.lstrip(b"\r\n"))
    return None if status is None else _make_head(status, _read_fields(status.string[status.end() :].split(b"\n")))


def _make_head(status: re.Match[bytes], given: Mapping[bytes, bytes]) -> Head:
    code = int(status[3])
    length = 0 if code in _WITHOUT_BODY else _length(given)
    options = given.get(b"connection", b"").lower()
    is_new = status[1] == b"1" and status[2] not in {None, b"0"}
    stays_open = (b"close" not in options) if is_new else (b"keep-alive" in options)
    kept = {name: given[name.encode()].decode("latin-1") for name in KEPT_HEADERS if name.encode() in given}
    return Head(code, kept, length, stays_open and length != UNTIL_CLOSED, is_interim=_is_interim(code))


def _is_interim(code: int) -> bool:
    return code < _FINAL and code != _SWITCHING


def _length(given: Mapping[bytes, bytes]) -> int:
    coding, length = given.get(b"transfer-encoding"), given.get(b"content-length", b"")
    if coding is not None:
        return CHUNKED if coding.lower() == b"chunked" and not length else UNTIL_CLOSED
    return int(length) if length.isdigit() and len(length) < 19 else UNTIL_CLOSED  # noqa: PLR2004 - digits of 2**63
