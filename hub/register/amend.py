"""Amend or withdraw a mandate. In: its id and the new dates. Out: its event and what follows for others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from hub.domain import rules
from hub.domain.change import WITHDRAWAL, ChangeCause
from hub.domain.kinds import Kind
from hub.domain.rules import RuleViolation
from hub.register.author import NO_AUTHOR
from hub.register.school_change import SchoolChange, make
from hub.register.service_mandates import find_service, refuse, to_lock
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.register.author import Author, VersionCheck
    from hub.register.school_change import DecidedChange
    from hub.register.service_mandates import ServiceMandates
    from hub.register.write import Moment
    from hub.store.decisions import LockedRegister
    from hub.store.mandates import MandateView
    from hub.store.pool import Connection


class Unchanged(Enum):
    """A date that a change leaves as it is; None removes the date."""

    UNCHANGED = "as it is"


UNCHANGED: Final = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class DateChange:
    """New dates of a mandate."""

    start_date: date | Unchanged = UNCHANGED
    end_date: date | Unchanged | None = UNCHANGED


async def amend(
    c: Connection,
    mandate_id: UUID,
    patch: DateChange,
    at: Moment,
    author: Author = NO_AUTHOR,
    expected: VersionCheck | None = None,
) -> MandateView:
    """Change the dates of a mandate and return it; the caller owns the transaction."""
    return await make(c, prepare_amendment(mandate_id, patch, at, author, expected))


def prepare_amendment(
    mandate_id: UUID, patch: DateChange, at: Moment, author: Author, expected: VersionCheck | None
) -> SchoolChange:
    """Prepare new dates of a mandate; the dates that it already has change nothing.

    Raises `InvalidInput`, `PreconditionFailed` when its version is not `expected`, `Conflict` `overlap`, `taken` or
    `ended`, or `TooManyChanges`.
    """
    wanted = to_lock(at, author, mandate_id=mandate_id)

    def decide(locked: LockedRegister) -> DecidedChange:
        service, mandate = find_service(locked, wanted, at, author, expected)
        after = with_dates(mandate, patch)
        changes = changed_dates(mandate, after)
        if not changes:
            return service.view(mandate), None
        refuse(find_violations(service, mandate, patch, at.today))
        after = service.settle(after, ChangeCause(kind=Kind.AMENDED, changes=changes))
        service.audit("mandate.amended", mandate, after)
        return service.view(after), service

    return SchoolChange(wanted=wanted, decide=decide, traceparent=at.traceparent)


async def withdraw(
    c: Connection,
    mandate_id: UUID,
    at: Moment,
    author: Author = NO_AUTHOR,
    expected: VersionCheck | None = None,
) -> MandateView:
    """End a mandate at once and return it; the caller owns the transaction."""
    return await make(c, prepare_withdrawal(mandate_id, at, author, expected))


def prepare_withdrawal(mandate_id: UUID, at: Moment, author: Author, expected: VersionCheck | None) -> SchoolChange:
    """Prepare the end of a mandate; raises `Conflict` `ended` for one that is over."""
    wanted = to_lock(at, author, mandate_id=mandate_id)

    def decide(locked: LockedRegister) -> DecidedChange:
        service, mandate = find_service(locked, wanted, at, author, expected)
        after = service.settle(replace(mandate, withdrawn_at=at.now), WITHDRAWAL)
        service.audit("mandate.withdrawn", mandate, after)
        return service.view(after), service

    return SchoolChange(wanted=wanted, decide=decide, traceparent=at.traceparent)


def find_violations(
    service: ServiceMandates, mandate: Mandate, patch: DateChange, today: date
) -> Iterator[RuleViolation]:
    """Check new dates of a mandate against the calendar and the other mandates of its school and service."""
    after = with_dates(mandate, patch)
    yield from _check(mandate, after, changed_dates(mandate, after), today)
    yield from rules.check_overlap(after, service.mandates, today)
    yield from rules.check_routes(after, service.mandates, today)


def with_dates(mandate: Mandate, patch: DateChange) -> Mandate:
    """Return a mandate with other dates."""
    start, end = patch.start_date, patch.end_date
    return replace(
        mandate,
        start_date=mandate.start_date if start is UNCHANGED else start,
        end_date=mandate.end_date if end is UNCHANGED else end,
    )


def changed_dates(before: Mandate, after: Mandate) -> tuple[Change, ...]:
    """Return which dates differ."""
    started = (Change.START_DATE,) if before.start_date != after.start_date else ()
    ended = (Change.END_DATE,) if before.end_date != after.end_date else ()
    return (*started, *ended)


def _check(before: Mandate, after: Mandate, changes: Sequence[Change], today: date) -> Iterator[RuleViolation]:
    moved = Change.START_DATE in changes
    if moved and before.start_date <= today:
        yield RuleViolation(field="/startDate", code="immutable", detail=f"the mandate started on {before.start_date}")
        return
    yield from rules.check_dates(after.start_date, after.end_date, today, start_may_be_past=not moved)
