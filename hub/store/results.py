"""Who asked for processing results, and which deliveries they concern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.planning import DestinationRef
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.store.pool import Connection
    from hub.store.reports import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSubscriber:
    """A system that asked: where its messages go, and of which services."""

    copies: DestinationRef
    services: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSubject:
    """A delivery to DUO that somebody wants to hear of."""

    copies: DestinationRef
    destination: str
    event_number: int
    mandate_version: int
    has_lane: bool


async def read_subscribers(c: Connection) -> dict[str, ResultSubscriber]:
    """Read who asked, by supplier; until the transaction ends none of them can be deleted or changed."""
    return {
        row["supplier_oin"]: ResultSubscriber(
            copies=DestinationRef(id=row["id"], name=row["name"]), services=frozenset(row["services"])
        )
        for row in await queries.read_result_subscribers(c)
    }


async def read_subjects(
    c: Connection, keys: Iterable[Key], asked: Mapping[str, ResultSubscriber]
) -> dict[Key, ResultSubject]:
    """Find which of these deliveries went to DUO for a mandate of somebody who asked."""
    ordered = sorted(set(keys))
    rows = await queries.read_result_subjects(
        c,
        destinations=[k[0] for k in ordered],
        brins=[k[1] for k in ordered],
        sequences=[k[2] for k in ordered],
    )
    return {
        (row["destination"], row["brin"], row["sequence"]): ResultSubject(
            copies=asked[row["supplier_oin"]].copies,
            destination=row["name"],
            event_number=row["event_number"],
            mandate_version=row["mandate_version"],
            has_lane=row["has_lane"],
        )
        for row in rows
        if row["supplier_oin"] in asked and row["service_code"] in asked[row["supplier_oin"]].services
    }
