"""A mandate gets other dates, or is withdrawn. In: its id and what shall be. Out: its event and what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from hub.domain import rules
from hub.domain.change import WITHDRAWAL, Act
from hub.domain.kinds import Kind
from hub.domain.rules import Wrong
from hub.register.page import open_page_of, refuse
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.errors import FieldError
    from hub.register.moment import Moment
    from hub.store.pool import Connection


class Left(Enum):
    """A date that a patch leaves as it is; None means that there shall be none."""

    AS_IT_IS = "as it is"


AS_IT_IS: Final = Left.AS_IT_IS


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """The dates that a mandate shall have."""

    start_date: date | Left = AS_IT_IS
    end_date: date | Left | None = AS_IT_IS


async def amend(
    c: Connection,
    mandate_id: UUID,
    patch: Patch,
    at: Moment,
    expected: int | None = None,
    unread: Sequence[FieldError] = (),
) -> Mandate:
    """Give a mandate other dates and return it; dates that it has already change nothing.

    `unread` are faults that were found in the patch before: with any of them nothing is changed.
    Raises `InvalidInput`, `PreconditionFailed` when its version is not `expected`, or `Conflict` `overlap`,
    `taken` or `ended`.
    """
    page, mandate = await open_page_of(c, mandate_id, at, expected)
    after = _patched(mandate, patch)
    changes = _changes(mandate, after)
    if not changes and not unread:
        return mandate
    refuse(
        (
            *_check(mandate, after, changes, at.today),
            *rules.check_overlap(after, page.mandates, at.today),
            *rules.check_routes(after, page.mandates, at.today),
        ),
        unread,
    )
    after = page.settle(after, Act(kind=Kind.AMENDED, changes=changes))
    await page.write(c)
    return after


async def withdraw(
    c: Connection,
    mandate_id: UUID,
    at: Moment,
    expected: int | None = None,
) -> Mandate:
    """End a mandate at once and return it; raises `Conflict` `ended` for one that is over."""
    page, mandate = await open_page_of(c, mandate_id, at, expected)
    after = page.settle(replace(mandate, withdrawn_at=at.now), WITHDRAWAL)
    await page.write(c)
    return after


def _patched(mandate: Mandate, patch: Patch) -> Mandate:
    start, end = patch.start_date, patch.end_date
    return replace(
        mandate,
        start_date=mandate.start_date if start is AS_IT_IS else start,
        end_date=mandate.end_date if end is AS_IT_IS else end,
    )


def _changes(before: Mandate, after: Mandate) -> tuple[Change, ...]:
    started = (Change.START_DATE,) if before.start_date != after.start_date else ()
    ended = (Change.END_DATE,) if before.end_date != after.end_date else ()
    return (*started, *ended)


def _check(before: Mandate, after: Mandate, changes: Sequence[Change], today: date) -> Iterator[Wrong]:
    moved = Change.START_DATE in changes
    if moved and before.start_date <= today:
        yield Wrong(field="/startDate", code="immutable", detail=f"the mandate started on {before.start_date}")
        return
    yield from rules.check_dates(after.start_date, after.end_date, today, start_may_be_past=not moved)
