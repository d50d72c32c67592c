"""Systems that asked for processing results, and the deliveries that concern them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.keys import DeliveryKey
from hub.domain.planning import DestinationRef
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSubscriber:
    """A system that asked: the destination of its copies, and its services."""

    copies: DestinationRef
    services: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSubject:
    """A delivery to DUO whose results a system asked for."""

    copies: DestinationRef
    destination: str
    event_number: int
    mandate_version: int
    has_lane: bool


async def read_subscribers(c: Connection) -> dict[str, ResultSubscriber]:
    """Read the systems that asked, by code, locked until the transaction ends."""
    return {
        row["system_code"]: ResultSubscriber(
            copies=DestinationRef(id=row["id"], name=row["name"]), services=frozenset(row["services"])
        )
        for row in await queries.read_result_subscribers(c)
    }


async def read_subjects(
    c: Connection, keys: Iterable[DeliveryKey], asked: Mapping[str, ResultSubscriber]
) -> dict[DeliveryKey, ResultSubject]:
    """Find the deliveries to DUO among these that are about a mandate of a system that asked."""
    ordered = sorted(set(keys))
    rows = await queries.read_result_subjects(
        c,
        destinations=[k.destination for k in ordered],
        brins=[k.brin for k in ordered],
        sequences=[k.sequence for k in ordered],
    )
    return {
        DeliveryKey(row["destination"], row["brin"], row["sequence"]): ResultSubject(
            copies=asked[row["system_code"]].copies,
            destination=row["name"],
            event_number=row["event_number"],
            mandate_version=row["mandate_version"],
            has_lane=row["has_lane"],
        )
        for row in rows
        if row["system_code"] in asked and row["service_code"] in asked[row["system_code"]].services
    }
