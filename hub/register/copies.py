"""Copy a mandate to other schools. In: a mandate and schools. Out: one result per school, one event per copy.

A copy has the dates and the system of the original; routing belongs to a school and is not copied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from hub.domain import change
from hub.domain.change import GRANT
from hub.domain.mandate import is_live, overlaps
from hub.domain.rules import GrantRequest
from hub.errors import Conflict, NotFound
from hub.register.audit import mandate_identity
from hub.register.author import NO_AUTHOR, check_pace
from hub.register.grant import to_mandate
from hub.register.write import WriteContext, write_events
from hub.store.audit import AuditEntry
from hub.store.decisions import LockRequest, lock_register
from hub.store.people import Pseudonym

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from hub.domain.change import NewEvent
    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.domain.system import System
    from hub.register.author import Author
    from hub.register.write import Moment
    from hub.store.decisions import LockedRegister, LockedSchool
    from hub.store.pool import Connection
    from schemas.identifiers import Brin, SystemCode

Reason = Literal["other_system", "overlap", "no_agreement", "school_closed", "unknown_school"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyResult:
    """The result for one school: a mandate, or the reason why there is none; and the system that it already has.

    `is_first` says that no system has a mandate of this school for the service, today or later; `events` are those that
    the copy makes.
    """

    brin: Brin
    mandate_id: UUID | None = None
    reason: Reason | None = None
    current_system: str | None = None
    is_first: bool = False
    events: Sequence[NewEvent] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRequest:
    """Which mandate to copy to which schools."""

    mandate_id: UUID
    brins: Sequence[Brin]
    dry_run: bool
    service_code: str | None = None
    """The service of the mandate, where it is known."""


async def copy(c: Connection, order: CopyRequest, at: Moment, author: Author = NO_AUTHOR) -> list[CopyResult]:
    """Copy a mandate to schools and return one result per school, in the order given.

    A school gets none that has another system for that service on one of its days. A dry run writes nothing, and its
    ids mean nothing. Raises `NotFound` for an unknown mandate, `Conflict` `ended` for one that is over, and
    `TooManyChanges`.
    """
    locked = await _lock(c, order, at, author)
    source = _source(locked, order.mandate_id, at)
    results: list[CopyResult] = []
    new_events: list[NewEvent] = []
    for brin in dict.fromkeys(order.brins):
        place = locked.schools.get(brin)
        if place is None or not author.may_administer(place.school):
            results.append(CopyResult(brin=brin, reason="unknown_school"))
            continue
        result, events = _copy_to(place, source, locked.references.systems, at)
        results.append(result)
        new_events += events
    if not order.dry_run:
        made = [each for each in results if each.mandate_id is not None]
        for each in made:
            check_pace(locked.schools[each.brin], author.changes_per_hour, at.now)
        entries = [] if author.subject is None else [_entry(locked.author, source, each, at) for each in made]
        await _write(c, locked, new_events, entries, at)
    return results


async def _lock(c: Connection, order: CopyRequest, at: Moment, author: Author) -> LockedRegister:
    wanted = LockRequest(
        at=at.now,
        today=at.today,
        brins=order.brins,
        mandate_id=order.mandate_id,
        service_code=order.service_code,
        subject=None if order.dry_run else author.subject,
        most_events=author.changes_per_hour,
    )
    return await lock_register(c, wanted)


def _source(locked: LockedRegister, mandate_id: UUID, at: Moment) -> Mandate:
    source = locked.target
    if source is None:
        msg = f"no mandate {mandate_id}"
        raise NotFound(msg)
    if not is_live(source, at.today):
        code = "ended"
        raise Conflict(code, f"mandate {mandate_id} has been withdrawn or has run out")
    return source


async def _write(
    c: Connection, locked: LockedRegister, new_events: Sequence[NewEvent], entries: Sequence[AuditEntry], at: Moment
) -> None:
    schools = {brin: place.school for brin, place in locked.schools.items()}
    context = WriteContext(schools=schools, names=locked.references.names, at=at, heads=locked.heads)
    await write_events(c, context, new_events, entries=entries)


def _entry(author: str, source: Mandate, result: CopyResult, at: Moment) -> AuditEntry:
    return AuditEntry(
        at=at.now,
        actor=Pseudonym(author),
        action="mandate.copied",
        brin=result.brin,
        subject=mandate_identity(source) | {"mandateId": result.mandate_id, "copiedFrom": source.id},
        after={"startDate": source.start_date, "endDate": source.end_date},
    )


def _copy_to(
    place: LockedSchool, source: Mandate, systems: Mapping[SystemCode, System], at: Moment
) -> tuple[CopyResult, Sequence[NewEvent]]:
    school = place.school
    living = [each for each in place.mandates if each.service_code == source.service_code]
    branches = school.open_branches(at.today)
    mandates, arrived = change.apply_dates(living, branches, now=at.now, today=at.today)
    draft = to_mandate(_request(school.brin, source, at), systems[source.system_code], at.now)
    refused = _refusal(school, draft, mandates, systems, at)
    if refused is not None:
        return refused, ()
    events = change.derive_events([*mandates, draft], {draft.id: GRANT}, branches, now=at.now, today=at.today)
    there = sorted((m for m in mandates if is_live(m, at.today)), key=lambda m: m.system_code != source.system_code)
    result = CopyResult(
        brin=school.brin,
        mandate_id=draft.id,
        current_system=systems[there[0].system_code].name if there else None,
        is_first=not there,
        events=events,
    )
    return result, (*arrived, *events)


def _request(brin: Brin, source: Mandate, at: Moment) -> GrantRequest:
    return GrantRequest(
        brin=brin,
        service_code=source.service_code,
        supplier_oin=source.supplier_oin,
        system_code=source.system_code,
        start_date=max(source.start_date, at.today),
        end_date=source.end_date,
        copied_from=source.id,
    )


def _refusal(
    school: School, draft: Mandate, mandates: Sequence[Mandate], systems: Mapping[SystemCode, System], at: Moment
) -> CopyResult | None:
    result = CopyResult(brin=school.brin)
    if not school.is_open(at.today):
        return replace(result, reason="school_closed")
    if not school.has_agreement(draft.service_code):
        return replace(result, reason="no_agreement")
    sharing = [m for m in mandates if is_live(m, at.today) and overlaps(m, draft, at.today)]
    if any(m.system_code == draft.system_code for m in sharing):
        return replace(result, reason="overlap", current_system=systems[draft.system_code].name)
    if sharing:
        return replace(result, reason="other_system", current_system=systems[sharing[0].system_code].name)
    return None
