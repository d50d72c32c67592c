"""What a request to a receiver comes to. In: nothing. Out: an answer, or why there is none, as data.

`Unreachable` and `AddressRefused` are the receiver's to mend, `OwnFault` is the hub's: no receiver is blamed for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


class Answered(NamedTuple):
    """The receiver answered; `headers` are those that the hub reads, by their names in lower case.

    `excerpt` is the beginning of the body of an answer that is no success.
    """

    status: int
    duration_ms: int
    headers: Mapping[str, str] = MappingProxyType({})
    excerpt: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """No answer came, or not in time; `error` says why and holds nothing of the URL."""

    error: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRefused:
    """The address is not one that the hub calls; nothing was sent."""

    error: str
    duration_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFault:
    """The hub could not send: its machine, network or certificate is at fault, and its operator has to act.

    `is_general` says whether it hits all receivers, or only the one that was called.
    """

    error: str
    next_step: str
    is_general: bool
    duration_ms: int = 0


Answer: TypeAlias = Answered | Unreachable | AddressRefused | OwnFault


class NotAnsweredError(Exception):
    """No proper answer came; `words` say why where `causes` do not."""

    def __init__(self, *causes: BaseException, words: str = "") -> None:
        self.causes = causes
        self.words = words
        super().__init__(words)


class ClosedError(NotAnsweredError):
    """The connection was closed before a byte of an answer came: a fresh one may do better, at once."""


class NotConnectedError(NotAnsweredError):
    """No connection came about; `causes` has the error of each address that was tried."""
