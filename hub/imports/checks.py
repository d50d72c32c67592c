"""Check every mandate of a file against the register and against the lines before it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from hub.domain import rules
from hub.domain.mandate import Mandate, is_live, overlaps
from hub.domain.system import System, choose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from hub.domain.mandate import Period
    from hub.domain.rules import GrantRequest, RuleViolation
    from hub.domain.school import School
    from hub.domain.system import References
    from hub.imports.drafts import MandateDraft
    from hub.imports.result import RowErrors
    from schemas.identifiers import Branch, Brin, RoutingId

    Holder = tuple[UUID | int, Branch]
    """Who uses a routing characteristic: a branch of a mandate, or of the one that starts at a line of the file."""

_COLUMNS: Final = {
    "/brin": "brin",
    "/serviceCode": "service_code",
    "/supplierOin": "supplier_oin",
    "/systemCode": "system_code",
    "/startDate": "start_date",
    "/endDate": "end_date",
    "/branch": "branch",
    "/routingId": "routing_id",
}


class DraftChecks:
    """Checks the drafts of one file, one after the other."""

    def __init__(
        self, schools: Mapping[Brin, School], references: References, living: Sequence[Mandate], today: date
    ) -> None:
        self._schools = schools
        self._references = references
        self._today = today
        self._chosen: dict[tuple[str | None, ...], System | RuleViolation | None] = {}
        self._living: defaultdict[tuple[str, str, str], list[Mandate]] = defaultdict(list)
        self._asked: defaultdict[tuple[str, str, str], list[tuple[int, GrantRequest]]] = defaultdict(list)
        self._used: defaultdict[tuple[str, str, str], list[tuple[Period, Holder]]] = defaultdict(list)
        for mandate in living:
            if is_live(mandate, today):
                self._living[mandate.brin, mandate.service_code, mandate.system_code].append(mandate)
                for branch, routing in mandate.routes.items():
                    self._used[mandate.brin, mandate.service_code, routing].append((mandate, (mandate.id, branch)))

    def check(self, draft: MandateDraft, errors: RowErrors) -> Mandate | None:
        """Add what is wrong with a draft to `errors`; return the mandate that it already is, if any."""
        request = draft.request
        system = self._choose(request)
        draft.system = system if isinstance(system, System) else None
        key = (request.brin, request.service_code, draft.system.code if draft.system else "")
        living = self._living.get(key, ())
        match = next((m for m in living if (m.start_date, m.end_date) == (request.start_date, request.end_date)), None)
        if match is None:
            self._check_new(draft, system, errors)
            if draft.system is not None:
                self._check_overlap(draft, living, self._asked[key], errors)
                self._asked[key].append((draft.line, request))
        school = self._schools.get(request.brin)
        if draft.branches and school is not None:
            self._check_branches(draft, school, match, errors)
        return match

    def _choose(self, request: GrantRequest) -> System | RuleViolation | None:
        """Return the system that a draft is for, or what is wrong; each combination is looked up once."""
        named = (request.supplier_oin, request.system_code, request.service_code)
        if named not in self._chosen:
            self._chosen[named] = choose(request, self._references)
        return self._chosen[named]

    def _check_new(self, draft: MandateDraft, system: System | RuleViolation | None, errors: RowErrors) -> None:
        request, today = draft.request, self._today
        school = self._schools.get(request.brin)
        for violation in rules.check_parties(request, school, system, self._references.services, today):
            errors.add(draft.line, _COLUMNS[violation.field], violation.code, violation.detail)
        for violation in rules.check_dates(request.start_date, request.end_date, today, start_may_be_past=True):
            errors.add(draft.line, _COLUMNS[violation.field], violation.code, violation.detail)

    def _check_overlap(
        self,
        draft: MandateDraft,
        living: Sequence[Mandate],
        asked: Sequence[tuple[int, GrantRequest]],
        errors: RowErrors,
    ) -> None:
        for mandate in living:
            if overlaps(mandate, draft.request, self._today):
                until = mandate.end_date or "further notice"
                detail = f"mandate {mandate.id} runs from {mandate.start_date} until {until}"
                errors.add(draft.line, "start_date", "overlap", detail)
        for line, request in asked:
            if overlaps(request, draft.request, self._today):
                errors.add(draft.line, "start_date", "overlap", f"line {line} asks for the same days")

    def _check_branches(self, draft: MandateDraft, school: School, match: Mandate | None, errors: RowErrors) -> None:
        asked: dict[Branch, RoutingId | None] = {}
        for line, branch, routing in draft.branches:
            for violation in rules.check_branch(branch, school, self._today, "/branch"):
                errors.add(line, "branch", violation.code, violation.detail)
            if asked.setdefault(branch, routing) != routing:
                errors.add(line, "branch", "duplicate", f"an earlier line gives {branch} other routing")
            elif routing is not None:
                taken = self._take(draft, routing, (draft.line if match is None else match.id, branch))
                for violation in rules.check_routing(routing, school.brin, taken, "/routingId"):
                    errors.add(line, "routing_id", violation.code, violation.detail)

    def _take(self, draft: MandateDraft, routing: RoutingId, holder: Holder) -> dict[RoutingId, Branch]:
        """Reserve a routing characteristic; return the other branch that has it on one of the same days."""
        request = draft.request
        used = self._used[request.brin, request.service_code, routing]
        sharing = [each for period, each in used if each != holder and overlaps(period, request, self._today)]
        used.append((request, holder))
        return {routing: sharing[0][1]} if sharing else {}
