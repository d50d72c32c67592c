"""Ten thousand mandates from one file, forwarded and settled, with the books done meanwhile and afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.receivers.recording_receivers import DUO_QUEUES, events_in, gaps, inversions
from tests.support.register.stack_register import SERVICES, mandate_lines, sample_brins, write_mandates
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from tests.support.servers.stacks import RunningStack

MANDATES: Final = 10_000
SCHOOLS: Final = 625
YEARS: Final = range(2027, 2031)
SETTLED_SECONDS: Final = 120.0
ANSWERED: Final = ("processed", "processed_with_signal", "activated", "rejected", "superseded")


@pytest.fixture(scope="module")
async def kept_books(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Import the file, do the books again and again until all is settled, and once more then; all books kept."""
    las = stack.connection["simulators"]["las"]["oin"]
    file = tmp_path_factory.mktemp("mandates") / "mandates.csv"
    write_mandates(file, mandate_lines(sample_brins()[:SCHOOLS], las, YEARS, SERVICES))
    await stack.done("osr-hub", "import", "mandates", str(file))
    kept = [await stack.verify()]
    async with asyncio.timeout(SETTLED_SECONDS):
        while await stack.left():
            kept.append(await stack.verify())
    return [*kept, await stack.verify()]


async def test_the_books_are_right_during_and_after(kept_books: list[dict[str, Any]]) -> None:
    """No look at the books finds anything, whatever is under way."""
    assert [books["violations"] for books in kept_books] == [[]] * len(kept_books)


async def test_every_mandate_is_told_once_and_answered(kept_books: list[dict[str, Any]]) -> None:
    """Each of the 10,000 mandates is one event and one delivery, and each has an answer at the end."""
    last = kept_books[-1]
    planned = {row["destination"]: row["planned"] for row in last["destinations"] if row["planned"]}
    assert last["events"] == MANDATES
    assert sorted(planned.values()) == [MANDATES // 4] * 4
    assert sum(row[status] for row in last["destinations"] for status in ANSWERED) == MANDATES


async def test_duos_queues_hold_every_lane_in_order(stack: RunningStack, kept_books: list[dict[str, Any]]) -> None:
    """A plain reader finds each lane complete and in order."""
    assert kept_books
    for queue in DUO_QUEUES:
        events = events_in(await stack.read_topic(queue))
        assert len({event["id"] for event in events}) == MANDATES // 4
        assert not inversions(events)
        assert not gaps(events)


async def test_the_las_saw_every_lane_in_order(stack: RunningStack, kept_books: list[dict[str, Any]]) -> None:
    """The simulated LAS counts neither an inversion nor a gap nor a bad signature."""
    assert kept_books
    address = stack.connection["simulators"]["las"]["url"].rpartition("/")[0]

    async def heard() -> dict[str, Any]:
        response = await stack.client.get(f"{address}/received").build().send()
        said: dict[str, Any] = await response.json()
        return said

    async def whole() -> bool:
        return bool((await heard())["distinct"] >= MANDATES // 4)

    await until(whole, "the LAS has heard of every mandate")
    said = await heard()
    assert [said[name] for name in ("inversions", "gaps", "badSignatures")] == [0, 0, 0]
