"""Cuts long work into slices, so that other work runs between them. In: a long list. Out: its parts, one per wait."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")
SLICE: Final = 500
ROWS: Final = 50
"""A slice of rows that are made into objects one by one: a millisecond or two."""


async def in_slices(items: Sequence[T], size: int = SLICE) -> AsyncIterator[Sequence[T]]:
    """Give the parts of a list, of at most `size` items, and let others work before each next one."""
    for start in range(0, len(items), size):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + size]


async def map_in_slices(items: Sequence[T], make: Callable[[T], R], size: int = ROWS) -> list[R]:
    """Make something of each item, and let others work after each `size` of them."""
    return [make(item) async for part in in_slices(items, size) for item in part]
