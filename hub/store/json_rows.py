"""Rows as one parameter of a statement. In: rows. Out: their JSON, which `json_to_recordset` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def json_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as JSON; an id that was read from the database is of the driver's own kind, and a text too."""
    return orjson.dumps(rows, default=str).decode()


def as_is(text: str | None) -> orjson.Fragment | None:
    """Return a text that is JSON already as a value of a row, which keeps each of its characters."""
    return None if text is None else orjson.Fragment(text)
