"""Running processes: one row per process, touched once a second; on the same machine an end is seen sooner."""

from __future__ import annotations

import os
import socket
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import orjson

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.domain.health import LoopReport
    from hub.store.pool import Connection

DEAD_AFTER_SECONDS: Final = 4.0
PROC: Final = Path("/proc")
ENDED_STATES: Final = ("Z", "X")
START_TICKS_FIELD: Final = 18
"""The index of the start time in `/proc/PID/stat`, counted from the field after the state."""


class RegisteredProcess(NamedTuple):
    """The number of a process that begins, and the database's time."""

    process: int
    at: datetime


class BeatResult(NamedTuple):
    """Whether the process still counted as alive before this beat, and the database's time."""

    was_alive: bool
    at: datetime


async def enter(c: Connection, role: str) -> RegisteredProcess:
    """Insert the row of a process that begins."""
    pid, machine = os.getpid(), current_machine()
    row = await queries.insert_process(
        c,
        role=role,
        host=socket.gethostname(),
        pid=pid,
        machine=machine,
        start_ticks=machine and start_ticks(pid),
        version=own_version(),
    )
    return RegisteredProcess(row["id"], row["at"])


async def beat(
    c: Connection,
    process: int,
    sending: Sequence[tuple[int, str, float]] = (),
    loops: Sequence[LoopReport] = (),
) -> BeatResult | None:
    """Touch the row of a process and write its open requests, (destination, brin, seconds left), and its loops.

    Return None when the row is gone and the process must enter again.
    """
    written = [(each.name, each.moved, each.turned, each.worked, each.error) for each in loops]
    row = await queries.write_heartbeat(
        c,
        id=process,
        open_requests=orjson.dumps(sending).decode(),
        loops=orjson.dumps(written).decode().replace("\\u0000", ""),
    )
    return None if row is None else BeatResult(not row["declared_dead"], row["at"])


async def leave(c: Connection, process: int) -> None:
    """Mark the row of a process that ends in order."""
    await queries.end_process(c, id=process)


async def is_beating(c: Connection, role: str, pid: int) -> bool:
    """Return whether a process of this role, with this pid on its machine, is running."""
    return cast("bool", await queries.has_heartbeat(c, role=role, pid=pid))


async def rescue_lanes(c: Connection, dead_after: float = DEAD_AFTER_SECONDS) -> int:
    """Free the lanes of forwarders that ended or stopped beating; return how many. The caller owns the transaction."""
    dead = await queries.declare_dead(c, dead_after=dead_after, gone=await _ended_here(c))
    if not dead:
        return 0
    sending = [
        (destination, brin, max(0.0, left - row["silent"]))
        for row in dead
        for destination, brin, left in orjson.loads(row["open_requests"])
    ]
    rescued = await queries.rescue_lanes(
        c,
        owners=[row["id"] for row in dead],
        destinations=[destination for destination, _, _ in sending],
        brins=[brin for _, brin, _ in sending],
        seconds=[seconds for _, _, seconds in sending],
    )
    return len(rescued)


async def delete_ended(c: Connection) -> None:
    """Delete the rows of ended processes that nothing refers to."""
    await queries.delete_ended_processes(c)


@cache
def own_version() -> str:
    """Return the version of the hub that this process runs."""
    return version("osr-hub")


@cache
def current_machine() -> str | None:
    """Return the boot and the pid namespace of this process; None where the kernel does not tell them."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return None


def start_ticks(pid: int) -> int | None:
    """Return when a process of this machine began, in ticks since its boot; None when it ended or cannot be read."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    state, *rest = stat[stat.rindex(")") + 2 :].split()
    return None if state in ENDED_STATES else int(rest[START_TICKS_FIELD])


def has_ended(pid: int, began: int | None) -> bool:
    """Return whether the process with this pid and start has certainly ended; another may have its pid by now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return start_ticks(pid) != began


async def _ended_here(c: Connection) -> list[int]:
    machine = current_machine()
    if machine is None:
        return []
    return [
        row["id"]
        for row in await queries.read_neighbours(c, machine=machine)
        if has_ended(row["pid"], row["start_ticks"])
    ]
