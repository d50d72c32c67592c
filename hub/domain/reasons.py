"""Why a delivery was cancelled. In: the words of an operator. Out: a code for all, and the words for operations.

What people write is for the audit and for operations. Messages, suppliers and schools read a code, and no statement
depends on the words: they are stored behind the code.
"""

from __future__ import annotations

from typing import Final

from hub.domain.delivery import Status

CANCELLED_BY_OPERATOR: Final = "cancelled_by_operator"
NO_RECEIVER: Final = "no_receiver"
SUBSCRIPTION_DELETED: Final = "subscription_deleted"
_OWN: Final = frozenset({NO_RECEIVER, SUBSCRIPTION_DELETED})
_PREFIX: Final = f"{CANCELLED_BY_OPERATOR}: "


def stored_reason(words: str | None) -> str:
    """Return what is stored of a cancellation by an operator."""
    return f"{_PREFIX}{words}" if words else CANCELLED_BY_OPERATOR


def reason_code(status: Status, stored: str | None) -> str | None:
    """Return the reason for everybody: a code where an operator cancelled."""
    return CANCELLED_BY_OPERATOR if status is Status.CANCELLED and stored not in _OWN else stored


def reason_words(stored: str | None) -> str | None:
    """Return the reason for operations: the words of the operator who cancelled."""
    return stored and stored.removeprefix(_PREFIX)
