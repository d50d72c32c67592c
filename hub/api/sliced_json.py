"""Reads the JSON of a large body in slices. In: a text, and who takes the items of its lists. Out: the object.

Only what stands at the top may be large: a list there, whose items are handed over a hundred at a time. Between two
slices others work, and nothing is ever read in one go that is longer than a small body.
"""

from __future__ import annotations

import asyncio
import re
from json import JSONDecodeError, JSONDecoder
from typing import TYPE_CHECKING, Any, Final

from hub.views.few_errors import SLICE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.views.few_errors import CheckedList

WINDOW: Final = 64 * 1024
LONGEST_VALUE: Final = WINDOW // 2
"""The most characters of one value, or of one item of a long list; a list of a thousand schools takes 8000."""
MOST_NAMES: Final = 30_000
_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_scan: Final[Callable[[str, int], tuple[Any, int]]] = JSONDecoder().scan_once  # type: ignore[attr-defined]  # not in the stubs


async def read_object(text: str, lists: Mapping[str, CheckedList]) -> object:
    """Read an object; the items of `lists` go there, and the list stands in the object.

    What is no object is given as a list. Raises `JSONDecodeError` for what is no JSON, or exceeds the bounds.
    """
    reader = _Reader(text)
    if reader.next() != "{":
        return []
    found: dict[str, object] = {}
    separator = "{"
    while separator != "}":
        reader.take()
        if reader.next() == "}" and separator == "{":
            break
        name = reader.name()
        if name in lists and reader.next() == "[":
            await _read_items(reader, lists[name])
            found[name] = lists[name]
        else:
            found[name] = reader.value()
        separator = reader.separator("}")
        if len(found) % SLICE == 0:
            await asyncio.sleep(0)
        if len(found) > MOST_NAMES:
            raise reader.wrong("too many names in an object")
    reader.take()
    if reader.next():
        raise reader.wrong("Extra data")
    return found


async def _read_items(reader: _Reader, items: CheckedList) -> None:
    reader.take()
    is_whole = reader.next() == "]"
    while not is_whole:
        part: list[Any] = []
        while len(part) < SLICE and not is_whole:
            part.append(reader.value())
            is_whole = reader.separator("]") == "]"
            if not is_whole:
                reader.take()
        items.add(part)
        await asyncio.sleep(0)
    reader.take()


class _Reader:
    """Reads values from a text, through a window that bounds how much is read at once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._window = text[:WINDOW]
        self._offset = 0

    def next(self) -> str:
        """Return the next character that is no blank, '' at the end."""
        found = _BLANKS.match(self._text, self._at)
        self._at = self._at if found is None else found.end()
        return self._text[self._at : self._at + 1]

    def take(self) -> None:
        """Go past the next character."""
        self._at += 1

    def name(self) -> str:
        """Read the name of a value, and the colon behind it."""
        if self.next() != '"':
            raise self.wrong("Expecting property name enclosed in double quotes")
        name = self.value()
        if self.next() != ":":
            raise self.wrong("Expecting ':' delimiter")
        self.take()
        return str(name)

    def separator(self, end: str) -> str:
        """Return the comma or the end that comes next, and stay before it."""
        found = self.next()
        if found not in {",", end}:
            raise self.wrong("Expecting ',' delimiter")
        return found

    def value(self) -> Any:  # noqa: ANN401 - any JSON
        """Read a value."""
        self.next()
        if self._at - self._offset > WINDOW - LONGEST_VALUE:
            self._offset = self._at
            self._window = self._text[self._at : self._at + WINDOW]
        is_cut = self._offset + len(self._window) < len(self._text)
        try:
            value, end = _scan(self._window, self._at - self._offset)
        except StopIteration as none:
            raise self._refusal("Expecting value", self._offset + none.value, is_cut=is_cut) from None
        except JSONDecodeError as error:
            goes_on = is_cut and error.msg.startswith("Unterminated")
            at = len(self._text) if goes_on else self._offset + error.pos
            raise self._refusal(error.msg, at, is_cut=is_cut) from None
        if is_cut and end == len(self._window):
            raise self.wrong("a value is too long")
        self._at = self._offset + end
        return value

    def wrong(self, said: str) -> JSONDecodeError:
        """Make the error of what stands here."""
        return JSONDecodeError(said, self._text, self._at)

    def _refusal(self, said: str, at: int, *, is_cut: bool) -> JSONDecodeError:
        """Make the error of a value: near the end of a window that is not the end of the text, it is its length."""
        if is_cut and at >= self._offset + len(self._window) - len("-Infinity"):
            return self.wrong("a value is too long")
        return JSONDecodeError(said, self._text, at)
