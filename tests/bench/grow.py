"""Fills a database with settled deliveries, as years of changes would: set by set, consistent with `osr-hub verify`.

`python -m tests.bench.grow [--deliveries N] [--schools N] [--days N]`: into the database of `OSR_HUB_DATABASE__DSN`,
which has the hub's schema and no schools with these codes yet. Ten million take a quarter of an hour, and 15 GB.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import uvloop
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hub.settings import load
from tests.bench import growth
from tests.support.register.schools import BuiltSchool, add_schools, numbered_brin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUPPLIER: Final = "00000099000000990000"
SERVICES: Final = 4
NATION: Final = 11_250
FIRST: Final = 30_000
"""The number of the first school: those before it are left to whoever fills the rest of the register."""
PORTION: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How many deliveries, of how many schools with four mandates each, over how many days."""

    deliveries: int
    schools: int = NATION
    days: int = 540

    @property
    def versions(self) -> int:
        """How many events each mandate has."""
        return max(1, round(self.deliveries / self.schools / SERVICES))


async def grow(c: asyncpg.Connection[Any], wanted: Growth, tell: Callable[[int], object]) -> int:
    """Add the deliveries in the order of their time, as they would have come; return their number.

    `tell` hears of each portion.
    """
    await _register(c, wanted)
    per_version = wanted.schools * SERVICES
    at_once = max(1, PORTION // per_version)
    for first in range(1, wanted.versions + 1, at_once):
        last = min(first + at_once - 1, wanted.versions)
        async with c.transaction():
            await c.execute("set local synchronous_commit = off")
            await c.execute(growth.DRAFT, SUPPLIER, first, last, wanted.versions, wanted.days)
            await c.execute(growth.PUBLISHED, await c.fetchval(growth.POSITION))
            for statement in growth.OF_A_PORTION:
                await c.execute(statement)
        tell(last * per_version)
    await c.execute("analyze")
    return wanted.versions * per_version


async def _register(c: asyncpg.Connection[Any], wanted: Growth) -> None:
    brins = [numbered_brin(FIRST + at) for at in range(wanted.schools)]
    async with c.transaction():
        await c.execute(growth.SYSTEM, SUPPLIER)
        await add_schools(c, *(BuiltSchool(brin=brin, name=f"School {brin}", board="41561") for brin in brins))
        await c.execute(growth.MANDATES, brins, SUPPLIER, wanted.versions, wanted.days)


async def main(words: Sequence[str]) -> None:
    """Grow the database of the settings, with a progress bar."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.grow", description="Fill a ledger with old deliveries."
    )
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--schools", type=int, default=NATION, help="each has four mandates and four lanes")
    parser.add_argument("--days", type=int, default=540, help="over how many days they are spread")
    asked = parser.parse_args(words)
    wanted = Growth(deliveries=asked.deliveries, schools=asked.schools, days=asked.days)
    c = await asyncpg.connect(load().database.direct_url)
    try:
        with Progress(TextColumn("growing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bars:
            task = bars.add_task("growing", total=wanted.schools * wanted.versions * SERVICES)
            print(await grow(c, wanted, lambda n: bars.update(task, completed=n)), "deliveries")
    finally:
        await c.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
