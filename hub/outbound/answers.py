"""What comes back from a receiver, as data: the client raises nothing for what networks and receivers do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """It answered; `body` is the beginning of what it said, `headers` those that mean something to the hub."""

    status: int
    duration_ms: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """Nobody answered, or not in time; `error` says it in words that hold nothing of the URL."""

    error: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAllowed:
    """The address is not one that the hub calls; nothing was sent."""

    error: str
    duration_ms: int = 0


Answer: TypeAlias = Answered | Unreachable | NotAllowed
