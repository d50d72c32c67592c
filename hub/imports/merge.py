"""Merge the drafts of a file with the live mandates, per school and service.

In: checked drafts. Out: events in batches. Requested routing characteristics are reserved first, so that the free
ones that are assigned never collide with a later line.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from hub.domain import change
from hub.domain.change import GRANT
from hub.domain.ids import new_ids
from hub.domain.mandate import is_live
from hub.register.grant import assign_routing_ids, grant_alone, to_mandate
from hub.register.routing import REROUTED
from hub.register.write import Routing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from hub.domain.change import ChangeCause, NewEvent
    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.imports.drafts import MandateDraft
    from hub.register.write import Moment
    from schemas.identifiers import Branch, Brin, RoutingId

    Key = tuple[Brin, str]


IDS_AT_ONCE: Final = 256


class Merge:
    """Collect drafts, then make the events of the whole file."""

    def __init__(self, schools: Mapping[Brin, School], living: Sequence[Mandate], at: Moment) -> None:
        self._schools = schools
        self._at = at
        self._drafts: defaultdict[Key, list[tuple[MandateDraft, Mandate | None]]] = defaultdict(list)
        self._living: defaultdict[Key, list[Mandate]] = defaultdict(list)
        self._used: defaultdict[Brin, set[RoutingId]] = defaultdict(set)
        self._open: dict[Brin, tuple[Branch, ...]] = {}
        self._ids: list[UUID] = []
        for mandate in living:
            self._living[mandate.brin, mandate.service_code].append(mandate)
            if mandate.routes and is_live(mandate, at.today):
                self._used[mandate.brin].update(mandate.routes.values())
        self.routing = Routing()
        self.changes: list[tuple[Mandate | None, Mandate]] = []
        self.arrived: list[NewEvent] = []
        self.created = self.changed = self.events = self.done = self.total = 0

    def add(self, draft: MandateDraft, match: Mandate | None) -> None:
        """Add a draft; `match` is the mandate that it already is."""
        request = draft.request
        self.total += 1
        self._drafts[request.brin, request.service_code].append((draft, match))
        if draft.branches:
            self._used[request.brin].update(routing for _, _, routing in draft.branches if routing is not None)

    def batches(self, most: int) -> Iterator[list[NewEvent]]:
        """Make the events, about `most` at a time, all of a (school, service) together."""
        batch: list[NewEvent] = []
        for key, drafts in self._drafts.items():
            batch += self._merge(key, drafts)
            self.done += len(drafts)
            if len(batch) >= most:
                self.events += len(batch)
                yield batch
                batch = []
        if batch:
            self.events += len(batch)
            yield batch

    def _merge(self, key: Key, drafts: Sequence[tuple[MandateDraft, Mandate | None]]) -> Iterable[NewEvent]:
        at, branches = self._at, self._open_branches(key[0])
        if len(drafts) == 1 and key not in self._living:
            return (self._grant_alone(drafts[0][0], branches),)
        mandates: dict[UUID, Mandate] = {}
        arrived: list[NewEvent] = []
        if key in self._living:
            current, arrived = change.apply_dates(self._living[key], branches, now=at.now, today=at.today)
            mandates = {mandate.id: mandate for mandate in current}
            self.arrived += arrived
        causes: dict[UUID, ChangeCause] = {}
        for draft, match in drafts:
            before = None if match is None else mandates[match.id]
            mandate, cause = self._grant(draft) if before is None else self._reroute(draft, before)
            mandates[mandate.id] = mandate
            if cause is not None:
                causes[mandate.id] = cause
                self.changes.append((before, mandate))
        return chain(
            arrived, change.derive_events(list(mandates.values()), causes, branches, now=at.now, today=at.today)
        )

    def _grant_alone(self, draft: MandateDraft, branches: tuple[Branch, ...]) -> NewEvent:
        self.created += 1
        assert draft.system is not None  # noqa: S101 - a draft without a system was refused
        mandate_id, routes = self._next_id(), {}
        if draft.branches:
            routes = self._assign_routes(mandate_id, draft.request.brin, _asked(draft))
        event = grant_alone(draft.request, draft.system, mandate_id, self._at, routes, branches)
        self.changes.append((None, event.mandate))
        return event

    def _grant(self, draft: MandateDraft) -> tuple[Mandate, ChangeCause]:
        self.created += 1
        assert draft.system is not None  # noqa: S101 - a draft without a system was refused
        mandate = to_mandate(draft.request, draft.system, self._at.now)
        if draft.branches:
            mandate = self._assign(mandate, _asked(draft))
        return mandate, GRANT

    def _reroute(self, draft: MandateDraft, mandate: Mandate) -> tuple[Mandate, ChangeCause | None]:
        missing = [
            (branch, routing)
            for branch, routing in _asked(draft)
            if branch not in mandate.routes or routing not in (None, mandate.routes[branch])
        ]
        if not missing:
            return mandate, None
        self.changed += 1
        return self._assign(mandate, missing), REROUTED

    def _assign(self, mandate: Mandate, branches: Sequence[tuple[Branch, RoutingId | None]]) -> Mandate:
        routes = self._assign_routes(mandate.id, mandate.brin, branches)
        return replace(mandate, routes={**mandate.routes, **routes})

    def _assign_routes(
        self, mandate_id: UUID, brin: Brin, branches: Sequence[tuple[Branch, RoutingId | None]]
    ) -> dict[Branch, RoutingId]:
        routes = assign_routing_ids(brin, branches, self._used[brin])
        self.routing.assigned += [(mandate_id, branch, routing) for branch, routing in routes.items()]
        return routes

    def _open_branches(self, brin: Brin) -> tuple[Branch, ...]:
        if brin not in self._open:
            self._open[brin] = self._schools[brin].open_branches(self._at.today)
        return self._open[brin]

    def _next_id(self) -> UUID:
        if not self._ids:
            self._ids = new_ids(self._at.now, IDS_AT_ONCE)
        return self._ids.pop()


def _asked(draft: MandateDraft) -> list[tuple[Branch, RoutingId | None]]:
    return [(branch, routing) for _, branch, routing in draft.branches]
