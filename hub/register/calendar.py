"""Apply dates. In: schools whose mandates start or end. Out: `started` and `expired` events, and what follows.

The first to lock the school records a date, once: the calendar, or a change that comes before it. Days that passed
while no process ran are applied in order.
"""

from __future__ import annotations

from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Final

from hub.domain import change
from hub.register.write import WriteContext, write_events
from hub.store import register

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from hub.domain.change import NewEvent
    from hub.register.write import Moment
    from hub.store.pool import Connection
    from schemas.identifiers import Brin

MOST_MANDATES: Final = 1000


async def due(c: Connection, today: date, limit: int, most: int = MOST_MANDATES) -> list[Brin]:
    """List schools with a date to apply, in key order, for one transaction.

    At most `limit` schools, with at most `most` such mandates together, unless the first one has more.
    """
    schools = await register.due_schools(c, today, limit)
    through = accumulate(n for _, n in schools)
    return [brin for (brin, n), sum_ in zip(schools, through, strict=True) if sum_ <= most or sum_ == n]


async def arrive(c: Connection, brins: Sequence[Brin], at: Moment) -> int:
    """Apply the dates up to today at these schools; return the number of events.

    The caller owns the transaction. A date that another process applied meanwhile makes no event.
    """
    schools = await register.lock_schools(c, brins)
    living = await register.living_mandates(c, schools, at.today)
    new_events: list[NewEvent] = []
    for (brin, _), group in groupby(living, key=lambda mandate: (mandate.brin, mandate.service_code)):
        branches = schools[brin].open_branches(at.today)
        new_events += change.apply_dates(list(group), branches, now=at.now, today=at.today)[1]
    names = (await register.references(c)).names
    await write_events(c, WriteContext(schools=schools, names=names, at=at), new_events)
    return len(new_events)
