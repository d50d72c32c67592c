"""How often a school may change its mandates. In: who changes them, and of which schools. Out: nothing, or an error.

Each change is told to DUO and to systems, and kept for years: a program in a loop would flood
them all.
"""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Final

from hub.errors import TooManyChanges
from hub.store.register import read_pace

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.access import Actor
    from hub.store.pool import Connection
    from schemas.identifiers import Brin

HOUR: Final = timedelta(hours=1)


async def check_pace(c: Connection, actor: Actor, brins: Collection[Brin]) -> None:
    """Raise `TooManyChanges` for a school of which an hour's events are recorded already."""
    most = actor.changes_per_hour
    if not most:
        return
    for brin, recorded_at in (await read_pace(c, brins, most)).items():
        wait = ceil((recorded_at + HOUR - actor.at).total_seconds())
        if wait > 0:
            why = f"the mandates of school {brin} changed {most} times within an hour, and each change is told to DUO"
            raise TooManyChanges(wait, f"{why}; is a program in a loop?")
