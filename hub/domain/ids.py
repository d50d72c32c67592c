"""Identifiers that the hub hands out. Those of deliveries are computed, so planning twice names them the same."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM = (0xFFF << 64) | ((1 << 62) - 1)
_NOISE_BYTES = 10


def new_id(at: datetime) -> UUID:
    """Make a UUIDv7 that carries the millisecond of `at`."""
    return new_ids(at, 1)[0]


def new_ids(at: datetime, count: int) -> list[UUID]:
    """Make as many UUIDv7 that carry the millisecond of `at`."""
    fixed = (int(at.timestamp() * 1000) << 80) | _VERSION_7 | _VARIANT
    noise = os.urandom(_NOISE_BYTES * count)
    return [
        UUID(int=fixed | (int.from_bytes(noise[first : first + _NOISE_BYTES], "big") & _RANDOM))
        for first in range(0, len(noise), _NOISE_BYTES)
    ]


def delivery_id(event_id: UUID, destination: str, branch: str, cause: UUID | None = None) -> UUID:
    """Compute the id of a delivery: the event's own time, and a hash of what makes the delivery unlike any other.

    `cause` is empty for a planned delivery, and the id of the replay, subscription or recovery otherwise.
    """
    text = b"\x00".join((event_id.bytes, destination.encode(), branch.encode(), cause.bytes if cause else b""))
    return _version_7(event_id.int >> 80, int.from_bytes(blake2b(text, digest_size=10).digest(), "big"))


def change_id(delivery: UUID, status: str, at: str) -> UUID:
    """Compute the id of a published change of a delivery."""
    return delivery_id(delivery, status, at)


def time_of(identifier: UUID) -> datetime:
    """Read the millisecond that a UUIDv7 carries."""
    return datetime.fromtimestamp(timestamp_of(identifier), UTC)


def timestamp_of(identifier: UUID) -> float:
    """Read the millisecond that a UUIDv7 carries, in seconds since 1970."""
    return (identifier.int >> 80) / 1000


def lowest_at(at: datetime) -> UUID:
    """Make the lowest UUIDv7 of the millisecond of `at`: everything recorded before it sorts below."""
    return _version_7(int(at.timestamp() * 1000), 0)


def _version_7(milliseconds: int, noise: int) -> UUID:
    return UUID(int=(milliseconds << 80) | _VERSION_7 | (noise & _RANDOM) | _VARIANT)
