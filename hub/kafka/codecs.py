"""Decompress batches up to a bound. In: a compressed batch. Out: its bytes, or an error before memory runs out.

A batch of 1 MB may claim to be many GB; aiokafka's own decoders would take it at its word.
"""

from __future__ import annotations

import gzip
import io
import mmap
import struct
from typing import TYPE_CHECKING, Any, Final

import aiokafka.codec
import cramjam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_BYTES: Final = 64 * 1024 * 1024
XERIAL_HEADER: Final = 16
"""How long the header of snappy in blocks is, as Java writes it."""
_ROOM: Final = mmap.mmap(-1, MOST_BYTES)  # pages that nothing was written to cost nothing


class TooLargeError(ValueError):
    """A batch becomes larger than any may be when it is decompressed."""


def decode_gzip(payload: bytes) -> bytes:
    """Decompress gzip."""
    with gzip.GzipFile(fileobj=io.BytesIO(payload)) as reading:
        return _checked(reading.read(MOST_BYTES + 1))


def decode_snappy(payload: bytes) -> bytes:
    """Decompress snappy, in blocks as Java writes it or in one piece."""
    blocks = _blocks(payload) if aiokafka.codec._detect_xerial_stream(payload) else [payload]  # noqa: SLF001 - its own test
    if sum(map(cramjam.snappy.decompress_raw_len, blocks)) > MOST_BYTES:
        raise TooLargeError(f"it becomes more than {MOST_BYTES} bytes")
    return bytes(aiokafka.codec.snappy_decode(payload))


def decode_lz4(payload: bytes) -> bytes:
    """Decompress lz4."""
    return _decode_into_room(cramjam.lz4.decompress_into, payload)


def decode_zstd(payload: bytes) -> bytes:
    """Decompress zstd."""
    return _decode_into_room(cramjam.zstd.decompress_into, payload)


def _decode_into_room(decompress_into: Callable[[Any, Any], int], payload: bytes) -> bytes:
    return _ROOM[: decompress_into(payload, _ROOM)]


def _blocks(payload: bytes) -> Iterator[bytes]:
    at = XERIAL_HEADER
    while at < len(payload):
        (size,) = struct.unpack_from("!I", payload, at)
        yield bytes(memoryview(payload)[at + 4 : at + 4 + size])
        at += 4 + size


def _checked(found: bytes) -> bytes:
    if len(found) > MOST_BYTES:
        raise TooLargeError(f"it becomes more than {MOST_BYTES} bytes")
    return found
