"""Read a delimited file. In: bytes, and the columns that are wanted. Out: rows of their values, with line numbers.

Spreadsheets write such files: separated by `;`, `,` or tab, with a `sep=` line or without, with separators at the ends
of lines, and with empty lines. What cannot be read is an error that names its line.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from hub.errors import InvalidInput
from hub.imports.text import NOTHING_IMPORTED, WHOLE_FILE, WHOLE_ROW, file_error, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.imports.result import RowErrors

Row: TypeAlias = tuple[int, tuple[str, ...]]
"""The line that a row starts at, counted from 1, and the wanted values, stripped, '' where a column is absent."""
SEPARATORS: Final = (";", ",", "\t")
_IN_WORDS: Final = "';', ',' or a tab"
_BARE: Final = "".join(SEPARATORS) + ' "\u00a0'
_SEP_LINE: Final = re.compile(r'"?sep=(?P<separator>[^"\n])"?[;,\t ]*', re.IGNORECASE)
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd\ud800-\udfff]")
"""Control characters, those that turn the direction of text, and those that stand for something that was lost."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column by the names it goes by."""

    name: str
    also: tuple[str, ...] = ()
    is_required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of a file, and which of the wanted columns its header names."""

    rows: list[Row] = field(default_factory=list)
    present: frozenset[Column]


def read_table(data: bytes, columns: Sequence[Column], errors: RowErrors) -> Table:
    """Read the rows of a file; add an error to `errors` for each row that cannot be read.

    Raises `InvalidInput` when the file is no text, has no header, or misses a required column.
    """
    skipped, separator, text = _find_separator(read_text(data), columns)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header_line, header = _read_header(reader, skipped)
    indexes = [_index_of(column, header) for column in columns]
    _check_header(columns, indexes, header, header_line)
    rows = list(_rows(reader, header, indexes, errors, skipped))
    present = {column for column, index in zip(columns, indexes, strict=True) if index is not None}
    return Table(rows=rows, present=frozenset(present))


def _find_separator(text: str, columns: Sequence[Column]) -> tuple[int, str, str]:
    """Return how many lines stand before the table, its separator, and the table."""
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip(_BARE)), None)
    if first is None:
        raise InvalidInput([file_error(1, WHOLE_FILE, "empty", "there is nothing in the file")], NOTHING_IMPORTED)
    declared = _SEP_LINE.fullmatch(lines[first])
    if declared is None:
        return 0, _guess_separator(lines[first], columns), text
    separator = declared["separator"]
    if separator not in SEPARATORS:
        detail = f"it names {separator!r} as the separator; expected {_IN_WORDS}"
        raise InvalidInput([file_error(first + 1, WHOLE_ROW, "separator", detail)], NOTHING_IMPORTED)
    return first + 1, separator, "\n".join(lines[first + 1 :])


def _guess_separator(header: str, columns: Sequence[Column]) -> str:
    """Choose the separator by which the header names most of the wanted columns."""

    def named(separator: str) -> int:
        names = {_normalized(name) for name in header.split(separator)}
        return sum(1 for column in columns if names & _names(column))

    return max(SEPARATORS, key=named)  # the first of them when they are equal


def _read_header(reader: Iterator[list[str]], skipped: int) -> tuple[int, list[str]]:
    while True:
        line = skipped + _line_number(reader) + 1
        try:
            names = [_normalized(name) for name in next(reader)]
        except csv.Error as error:
            raise InvalidInput([file_error(line, WHOLE_ROW, "unreadable", str(error))], NOTHING_IMPORTED) from None
        except StopIteration:
            detail = "there is no header and no row in the file"
            raise InvalidInput([file_error(1, WHOLE_FILE, "empty", detail)], NOTHING_IMPORTED) from None
        if any(names):
            return line, _without_trailing(names)


def _normalized(name: str) -> str:
    return " ".join(name.strip().strip('"').upper().split())


def _names(column: Column) -> set[str]:
    return {_normalized(name) for name in (column.name, *column.also)}


def _index_of(column: Column, header: Sequence[str]) -> int | None:
    names = (_normalized(name) for name in (column.name, *column.also))
    return next((header.index(name) for name in names if name in header), None)


def _check_header(columns: Sequence[Column], indexes: Sequence[int | None], header: Sequence[str], line: int) -> None:
    wrong = []
    for column, index in zip(columns, indexes, strict=True):
        if index is None and column.is_required:
            names = " or ".join((column.name, *column.also))
            detail = f"there is no column {names}, separated by {_IN_WORDS}"
            wrong.append(file_error(line, column.name, "missing_column", detail))
        elif index is not None and header.count(header[index]) > 1:
            wrong.append(file_error(line, column.name, "duplicate_column", "the header names this column twice"))
    if wrong:
        raise InvalidInput(wrong, "the header is wrong; nothing was imported")


def _rows(
    reader: Iterator[list[str]],
    header: Sequence[str],
    indexes: Sequence[int | None],
    errors: RowErrors,
    skipped: int,
) -> Iterator[Row]:
    width = len(header)
    while True:
        start = skipped + _line_number(reader) + 1
        try:
            fields = _without_trailing(next(reader), width)
        except StopIteration:
            return
        except csv.Error as error:
            errors.add(start, WHOLE_ROW, "unreadable", str(error))
            continue
        if not "".join(fields).strip():
            continue
        if len(fields) != width:
            errors.add(start, WHOLE_ROW, "columns", f"it has {len(fields)} columns, the header has {width}")
            continue
        values = ["" if index is None else fields[index] for index in indexes]
        if _UNSAFE.search("".join(values)) is not None:  # a tab at an end of a value is none of it
            unsafe = unsafe_characters("".join([value.strip(" \t") for value in values]))
            if unsafe:
                errors.add(start, WHOLE_ROW, "control_character", f"there is {unsafe} in it, which cannot be shown")
                continue
        yield start, tuple([value.strip() for value in values])


def _without_trailing(fields: list[str], width: int = 0) -> list[str]:
    """Leave out what is empty at the end, down to `width` fields."""
    end = len(fields)
    while end > width and not fields[end - 1].strip():
        end -= 1
    return fields[:end]


def unsafe_characters(text: str) -> str:
    """Name the characters of a text that must not be stored or shown: `U+202E, U+FFFD`; '' when there are none."""
    return ", ".join(f"U+{ord(each):04X}" for each in sorted(set(_UNSAFE.findall(text))))


def is_visible(name: str) -> bool:
    """Return whether a name has a character that can be seen."""
    return any(each.isprintable() and not each.isspace() for each in name)


def _line_number(reader: Iterator[list[str]]) -> int:
    return int(getattr(reader, "line_num", 0))
