"""What the work cost. In: a running stack, before and after. Out: CPU per process, statements, WAL, fsyncs, memory."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.bench.world import World

TICKS: Final = os.sysconf("SC_CLK_TCK")
STATISTICS_SECONDS: Final = 1.2
"""PostgreSQL's processes tell their counts of reads and writes once a second."""
OF_DATABASE: Final = """
select pg_current_wal_lsn() - '0/0'::pg_lsn as wal, sum(s.calls)::bigint as statements
  from pg_stat_statements s where s.dbid = (select oid from pg_database where datname = $1)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used until now."""

    cpu: Mapping[str, float]
    wal: int
    statements: int
    fsyncs: int


async def read_usage(world: World, *, with_fsyncs: bool = True) -> Usage:
    """Read what has been used; the counts of fsyncs take a second to arrive."""
    cpu = {name: sum(map(_cpu_seconds, family(pid))) for name, pid in world.processes().items()}
    row = await world.admin.fetchrow(OF_DATABASE, world.database)
    assert row is not None
    fsyncs = 0
    if with_fsyncs:
        await asyncio.sleep(STATISTICS_SECONDS)
        fsyncs = await world.admin.fetchval("select coalesce(sum(fsyncs), 0)::bigint from pg_stat_io")
    return Usage(cpu=cpu, wal=int(row["wal"]), statements=row["statements"] or 0, fsyncs=fsyncs)


def costs(before: Usage, after: Usage, n: int, *, of: str = "delivery") -> list[Figure]:
    """Return what `n` deliveries cost each."""
    spent = {name: used - before.cpu.get(name, 0.0) for name, used in after.cpu.items()}
    figures = [cpu("CPU s per 1,000", sum(spent.values()) / n * 1000)]
    figures += [cpu(f"CPU s per 1,000: {name}", used / n * 1000) for name, used in sorted(spent.items()) if used]
    for what, unit, total in (
        ("statements", "", after.statements - before.statements),
        ("WAL bytes", "B", after.wal - before.wal),
        ("fsyncs", "", after.fsyncs - before.fsyncs),
    ):
        figures.append(Figure(what=f"{what} per {of}", value=total / n, unit=unit, better="lower"))
    return figures


def cpu(what: str, seconds: float) -> Figure:
    """Return CPU seconds."""
    return Figure(what=what, value=seconds, unit="s", better="lower")


def memory(world: World) -> list[Figure]:
    """Return the memory of each process, with its children; what they share counts once."""
    held = {name: sum(map(_kilobytes, family(pid))) / 1024 for name, pid in world.processes().items()}
    return [
        Figure(what=f"memory: {name}", value=size, unit="MB", better="lower") for name, size in sorted(held.items())
    ]


def family(pid: int) -> Iterator[int]:
    """Find a process and all that it started."""
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        started = children.read_text().split()
    except OSError:
        return
    for child in started:
        yield from family(int(child))


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS  # its own, and those of children that ended


def _kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
