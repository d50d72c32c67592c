"""Pages of deliveries by any filter. In: a filter. Out: what matches in a bounded number of rows, and where to go on.

There is no index on what changes, such as a status, because it would cost each delivery. So a filter that no index
serves looks at a window of rows in the order of lanes; a page may then have few items, or none, and still a next page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from hub.store.deliveries import AFTER, NO_KEY, DeliveryFilter, DeliveryScope, DeliveryView, list_deliveries
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hub.store.pool import Connection

WINDOW: Final = 3000
"""How many rows a page looks at, at most: in a ledger of ten million each lies in a block of its own."""
UNKNOWN_SCHOOL: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryWindow:
    """Deliveries of a page, and the key up to which was looked; None when nothing is left behind it."""

    rows: Sequence[DeliveryView]
    through: tuple[int, str, int] | None


async def read_page(
    c: Connection, wanted: DeliveryFilter, reach: DeliveryScope, held: Collection[int], most: int
) -> DeliveryWindow:
    """List deliveries in scope, in lane order, among a bounded number of rows; `held` have no receiver."""
    async with c.transaction():
        await queries.force_custom_plan(c)
        wanted = await _narrow(c, wanted)
        within = reach.narrow(wanted.destinations, wanted.brin)
        wanted = replace(wanted, destinations=within["destinations"])
        parts = [wanted]
        if not _finds_few(wanted):
            wanted = replace(wanted, through=await _window_end(c, wanted, within["brins"]))
            parts = split_window(wanted)
        rows: list[DeliveryView] = []
        for part in parts:
            if len(rows) < most:
                rows += await list_deliveries(c, part, reach, held, most - len(rows))
        return DeliveryWindow(rows=rows, through=wanted.through)


def split_window(wanted: DeliveryFilter) -> list[DeliveryFilter]:
    """Cut a window at the destinations in which it begins and ends, so that an index finds each part."""
    after, through = wanted.after, wanted.through
    edges = {key[0] for key in (after, through) if key is not None}
    inside = sorted(
        each
        for each in wanted.destinations
        if (after is None or after[0] <= each) and (through is None or each <= through[0])
    )
    return [
        replace(
            wanted,
            destinations=[*part],
            after=after if after is not None and after[0] == edge else None,
            through=through if through is not None and through[0] == edge else None,
        )
        for edge, part in groupby(inside, key=lambda each: each if each in edges else None)
    ]


async def _narrow(c: Connection, wanted: DeliveryFilter) -> DeliveryFilter:
    """Return the same filter with what follows from it.

    That is the school of a mandate, the destinations of a service, or the deliveries of a short period.
    """
    if wanted.brin is None and wanted.mandate_id is not None:
        school = await queries.read_school_of_mandate(c, mandate_id=wanted.mandate_id)
        return replace(wanted, brin=school or UNKNOWN_SCHOOL)
    if not _finds_few(wanted) and wanted.service_code is not None:
        found = await queries.find_destinations_of_service(
            c, service_code=wanted.service_code, destinations=list(wanted.destinations)
        )
        wanted = replace(wanted, destinations=[row["id"] for row in found])
    if _finds_few(wanted) or wanted.planned_from is None:
        return wanted
    found = await queries.find_planned_between(
        c, planned_from=wanted.planned_from, planned_until=wanted.planned_until, most=WINDOW + 1
    )
    return wanted if len(found) > WINDOW else replace(wanted, ids=[row["id"] for row in found])


def _finds_few(wanted: DeliveryFilter) -> bool:
    """Return whether an index finds all that can match, without a look at other lanes."""
    return not (wanted.brin is None and wanted.ids is None and wanted.event_id is None)


async def _window_end(
    c: Connection, wanted: DeliveryFilter, brins: Sequence[str] | None
) -> tuple[int, str, int] | None:
    """Return the last key of a window of what the caller may read, of these schools or of all."""
    after = wanted.after
    begin = after if after is not None and after[0] in wanted.destinations else NO_KEY
    row = await queries.find_window_end(
        c,
        destinations=[each for each in wanted.destinations if after is None or each > after[0]],
        brins=brins,
        most=WINDOW,
        **dict(zip(AFTER, begin, strict=True)),
    )
    return None if row is None else (row["destination"], row["brin"], row["sequence"])
