"""Pages of lists. In: a limit and a cursor. Out: where to continue, and the cursor of the next page.

A cursor holds the fingerprint of its list, with its filters, and the sort key of the last item shown. It is opaque to
callers; a forged one shows nothing that the caller may not see.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson

from hub.errors import FieldError, FieldLocation, InvalidInput
from hub.views.models import Items

DEFAULT_LIMIT: Final = 100
HIGHEST_LIMIT: Final = 1000
MAX_CURSOR_LENGTH: Final = 1000
FINGERPRINT_DIGITS: Final = 12
_OF_PAGES: Final = frozenset({"limit", "cursor"})
_MAX_INTEGER: Final = 2**63 - 1
Row = TypeVar("Row")
Item = TypeVar("Item")
Key = int | str


@dataclass(frozen=True, kw_only=True, slots=True)
class Paging:
    """The requested part of a list: at most `limit` items after `cursor`, which carries the list's fingerprint."""

    fingerprint: str
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None

    def after(self, *kinds: type[Key]) -> tuple[Any, ...] | None:
        """Return the key to continue after, a value of each of these types; None at the beginning."""
        if self.cursor is None:
            return None
        fingerprint, *key = read_cursor(self.cursor, str, *kinds)
        if fingerprint != self.fingerprint:
            raise _invalid_cursor()
        return tuple(key)

    def after_id(self) -> UUID | None:
        """Return the identifier to continue after, in a list sorted by identifier; None at the beginning."""
        after = self.after(str)
        if after is None:
            return None
        try:
            return UUID(after[0])
        except ValueError:
            raise _invalid_cursor() from None

    def page(
        self,
        rows: Sequence[Row],
        key: Callable[[Row], tuple[Key, ...]],
        show: Callable[[Row], Item],
        through: tuple[Key, ...] | None = None,
    ) -> Items[Item]:
        """Return the page of rows that were read with `limit + 1`: the extra row shows that there is a next page.

        So does `through`, the key up to which was looked, where there is more behind it.
        """
        shown = rows[: self.limit]
        last = key(shown[-1]) if len(rows) > self.limit else through
        return Items(
            items=[show(row) for row in shown],
            next=None if last is None else write_cursor(self.fingerprint, *last),
        )


def list_fingerprint(path: str, filters: Iterable[tuple[str, str]] = ()) -> str:
    """Return the fingerprint of a list with these filters; cursors of other lists have another."""
    asked = sorted(pair for pair in filters if pair[0] not in _OF_PAGES)
    return sha256(urlencode([("", path), *asked]).encode()).hexdigest()[:FINGERPRINT_DIGITS]


def write_cursor(*key: Key) -> str:
    """Return the cursor of a sort key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def read_cursor(text: str, *kinds: type[Key], parameter: str = "cursor") -> tuple[Any, ...]:
    """Read a cursor that has a value of each of these kinds; anything else is `InvalidInput` of this parameter."""
    if len(text) > MAX_CURSOR_LENGTH:
        raise _invalid_cursor(parameter)
    try:
        key = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _invalid_cursor(parameter) from None
    if not isinstance(key, list) or len(key) != len(kinds):
        raise _invalid_cursor(parameter)
    if not all(_fits(value, kind) for value, kind in zip(key, kinds, strict=True)):
        raise _invalid_cursor(parameter)
    return tuple(key)


def _fits(value: object, kind: type[Key]) -> bool:
    if type(value) is not kind:
        return False
    return abs(value) <= _MAX_INTEGER if isinstance(value, int) else "\x00" not in str(value)


def _invalid_cursor(parameter: str = "cursor") -> InvalidInput:
    detail = (
        "not a cursor of this list with these filters; take `next` of an earlier answer to the same question as it is, "
        f"or leave `{parameter}` out to begin at the beginning"
    )
    return InvalidInput([FieldError(in_=FieldLocation.QUERY, field=f"/{parameter}", code="cursor", detail=detail)])
