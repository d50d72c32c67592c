"""Reading a delimited file. In: bytes, and the columns that are wanted. Out: rows of their values, with line numbers.

Files come as UTF-8, with or without a byte order mark, or as cp1252, with either kind of line ending.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from hub.errors import FieldError, FieldLocation, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.imports.result import RowErrors

Row: TypeAlias = tuple[int, tuple[str, ...]]
"""The line that a row starts at, counted from 1, and the wanted values, stripped, '' where a column is absent."""
DELIMITER: Final = ";"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Column:
    """A column by the names it goes by."""

    name: str
    also: tuple[str, ...] = ()
    is_required: bool = True


def read_table(data: bytes, columns: Sequence[Column], errors: RowErrors) -> list[Row]:
    """Read the rows of a file; rows that cannot be read are noted in `faults`.

    Raises `InvalidInput` when the file has no header or misses a required column.
    """
    text = _decode(data)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITER)
    header = [_normalized(name) for name in next(reader, [])]
    indexes = [_index_of(column, header) for column in columns]
    _check_header(columns, indexes)
    return list(_rows(reader, header, indexes, errors))


def has_column(data: bytes, column: Column) -> bool:
    """Say whether the header of a file names a column."""
    header = next(csv.reader([_decode(data.partition(b"\n")[0])], delimiter=DELIMITER), [])
    return _index_of(column, [_normalized(name) for name in header]) is not None


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _normalized(name: str) -> str:
    return " ".join(name.strip().strip('"').upper().split())


def _index_of(column: Column, header: Sequence[str]) -> int | None:
    names = (_normalized(name) for name in (column.name, *column.also))
    return next((header.index(name) for name in names if name in header), None)


def _check_header(columns: Sequence[Column], indexes: Sequence[int | None]) -> None:
    missing = [column for column, index in zip(columns, indexes, strict=True) if index is None and column.is_required]
    if missing:
        raise InvalidInput(
            [
                FieldError(
                    in_=FieldLocation.FILE,
                    field=f"line 1, {column.name}",
                    code="missing_column",
                    detail=f"there is no column {' or '.join((column.name, *column.also))}, separated by '{DELIMITER}'",
                )
                for column in missing
            ],
            "the header is wrong; nothing was imported",
        )


def _rows(
    reader: Iterator[list[str]], header: Sequence[str], indexes: Sequence[int | None], errors: RowErrors
) -> Iterator[Row]:
    width, line = len(header), _line(reader)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            errors.add(line + 1, "the whole row", "unreadable", str(error))
            fields = []
        start, line = line + 1, _line(reader)
        if len(fields) == width:
            values = tuple("" if index is None else fields[index].strip() for index in indexes)
            if any(map(_CONTROL.search, values)):
                errors.add(start, "the whole row", "control_character", "there is a control character in it")
            else:
                yield start, values
        elif any(field.strip() for field in fields):
            errors.add(start, "the whole row", "columns", f"it has {len(fields)} columns, the header has {width}")


def _line(reader: Iterator[list[str]]) -> int:
    return int(getattr(reader, "line_num", 0))
