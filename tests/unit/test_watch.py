"""How many pages and schools a process watches, and the mark of several schools."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from hub.console import watch
from hub.console.watch import MAX_PER_VISITOR, MAX_SCHOOLS, SchoolWatches, joint_mark

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.store.pool import Pool


class NoPool:
    """A pool that is never asked."""


@pytest.fixture
def watches(monkeypatch: pytest.MonkeyPatch) -> SchoolWatches:
    """Give watches that read no marks."""

    async def look(_self: SchoolWatches, _pool: Pool) -> None:
        return None

    monkeypatch.setattr(SchoolWatches, "_look", look)
    return SchoolWatches()


async def watching(stack: AsyncExitStack, watches: SchoolWatches, visitor: str, brins: Collection[str]) -> bool:
    """Open a page of schools, and return whether it is watched."""
    opened = await stack.enter_async_context(watches.watching(NoPool(), visitor, brins))  # type: ignore[arg-type]
    return opened is not None


async def test_a_process_watches_so_many_schools_however_many_pages_show_them(watches: SchoolWatches) -> None:
    """Schools that are watched already cost nothing more; room is made when a page closes."""
    board = [f"b{n}" for n in range(MAX_SCHOOLS)]
    async with AsyncExitStack() as open_pages:
        async with AsyncExitStack() as first:
            assert await watching(first, watches, "a", board)
            assert await watching(open_pages, watches, "b", board[:9])
            assert not await watching(open_pages, watches, "c", ["another"])
        assert await watching(open_pages, watches, "c", ["another"])


async def test_a_visitor_has_so_many_open_pages(watches: SchoolWatches) -> None:
    """A further page of the same visitor is not watched; one of another visitor is."""
    async with AsyncExitStack() as pages:
        for _ in range(MAX_PER_VISITOR):
            assert await watching(pages, watches, "a", ["18DS"])
        assert not await watching(pages, watches, "a", ["18DS"])
        assert await watching(pages, watches, "b", ["18DS"])


async def test_a_process_has_so_many_open_pages(watches: SchoolWatches, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is one of the process."""
    monkeypatch.setattr(watch, "MAX_WATCHES", 3)
    async with AsyncExitStack() as pages:
        assert [await watching(pages, watches, str(n), ["18DS"]) for n in range(4)] == [True, True, True, False]


def test_one_school_has_its_own_mark_and_more_have_one_that_changes_with_each() -> None:
    """The order in which they are found does not matter; a school without a mark counts too."""
    marks = {"18DS": "x", "11OA": "y"}
    assert joint_mark(marks, ["18DS"]) == "x"
    assert joint_mark(marks, ["00AA"]) == ""
    together = joint_mark(marks, ["18DS", "11OA"])
    assert together == joint_mark(marks, ["11OA", "18DS"])
    others = [{**marks, "11OA": "z"}, {"18DS": "x"}, {"18DS": "y", "11OA": "x"}]
    assert together not in {joint_mark(each, ["18DS", "11OA"]) for each in others}
