"""Traces of events and deliveries. In: a trace's id, or ids of events and deliveries. Out: the other of the two."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from hub.store.deliveries import DeliveryFilter
    from hub.store.pool import Connection

MOST_OF_TRACE: Final = 10_000
"""An import is one trace of thousands of deliveries."""
SEARCHED: Final = timedelta(days=7)
"""How far back a trace is searched when nothing else is asked for."""


async def within_trace(c: Connection, wanted: DeliveryFilter, trace_id: str | None, now: datetime) -> DeliveryFilter:
    """Return the filter for deliveries of one trace only, if one is given; without a `from` of the last seven days."""
    if trace_id is None:
        return wanted
    async with c.transaction():
        await queries.force_custom_plan(c)
        rows = await queries.find_ids_of_trace(
            c,
            trace_id=trace_id,
            since=wanted.planned_from or now - SEARCHED,
            until=wanted.planned_until or now,
            brin=wanted.brin,
            most=MOST_OF_TRACE,
        )
    return replace(wanted, ids=[row["id"] for row in rows])


async def traces_of_events(c: Connection, events: Collection[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return the `traceparent` of events, each given by its school and number."""
    rows = await queries.read_traceparents_of_events(
        c, brins=[brin for brin, _ in events], numbers=[number for _, number in events]
    )
    return {(row["brin"], row["number"]): row["traceparent"] for row in rows}


async def traces_of_deliveries(c: Connection, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the `traceparent` of deliveries."""
    rows = await queries.read_traceparents_of_deliveries(c, ids=list(ids))
    return {row["id"]: row["traceparent"] for row in rows}
