"""Routing as of a moment. In: the school's events. Out: the mandates that reach a branch on a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from hub.clock import today
from hub.domain.as_of import KnownEvent, mandates_for_branch
from hub.domain.kinds import Kind
from hub.domain.mandate import REST
from hub.store import mandates
from schemas.identifiers import brin_of_branch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from typing import Any

    from hub.domain.as_of import ReachingMandate
    from hub.store.mandates import MandateScope
    from hub.store.pool import Connection
    from schemas.identifiers import Branch, ServiceCode


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingQuery:
    """A branch, a service, a day, and the moment as of which the answer holds."""

    branch: Branch
    service_code: ServiceCode
    day: date
    known_at: datetime


async def find_routing(c: Connection, asked: RoutingQuery, scope: MandateScope) -> list[ReachingMandate]:
    """Return the mandates in scope that reach a branch; the scope lists schools, not boards."""
    brin = brin_of_branch(asked.branch)
    rows = await mandates.known_events(c, brin, asked.service_code, asked.known_at)
    found = mandates_for_branch([_event(row) for row in rows], asked.branch, asked.day)
    if scope.everything or brin in scope.brins:
        return found
    return [each for each in found if _is_of(each, scope)]


def _is_of(found: ReachingMandate, scope: MandateScope) -> bool:
    oin = found.body["supplierOin"]
    return oin in scope.oins and (scope.systems is None or found.body.get("systemCode", oin) in scope.systems)


def _event(row: Mapping[str, Any]) -> KnownEvent:
    told = {unit["branch"]: Kind(unit["type"]) for unit in orjson.loads(row["units"])}
    return KnownEvent(
        recorded_at=row["recorded_at"],
        recorded_on=today(row["recorded_at"]),
        body=orjson.loads(row["body"]),
        rest_was_told=REST in told,
    )
