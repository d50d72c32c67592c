"""A mandate is granted. In: a wish. Out: the mandate, its `granted` event, and what follows for others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.domain import rules
from hub.domain.change import GRANT
from hub.domain.ids import new_id
from hub.domain.mandate import Mandate
from hub.register.page import open_page, refuse, taken_routing
from hub.register.routing import free
from hub.store import register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date, datetime

    from hub.domain.rules import Wish, Wrong
    from hub.domain.school import School
    from hub.errors import FieldError
    from hub.register.moment import Moment
    from hub.store.pool import Connection
    from hub.store.register import References
    from schemas.identifiers import Branch, Brin, RoutingId


def anybody(_school: School) -> bool:
    """Let every school be mandated for: the caller is the hub itself."""
    return True


async def grant(
    c: Connection,
    wish: Wish,
    at: Moment,
    may: Callable[[School], bool] = anybody,
    unread: Sequence[FieldError] = (),
) -> Mandate:
    """Grant a mandate and return it; the caller owns the transaction.

    `may` says whether the caller administers a school; one that it does not is as good as unknown. `unread` are faults
    found before, for which the wish has stand-ins: with any of them nothing is granted. Raises
    `InvalidInput` with everything that is wrong with the wish, or `Conflict` `overlap` or `taken`.
    """
    school = (await register.lock_schools(c, [wish.brin])).get(wish.brin)
    if school is None or not may(school):
        references = await register.references(c)
        refuse(_check(wish, None, references, at.today), unread)
        raise AssertionError  # a school that is unknown was refused
    page = await open_page(c, school, wish.service_code, at)
    taken, used = await taken_routing(c, wish, at.today)
    draft = to_mandate(wish, at.now)
    refuse(
        (
            *_check(wish, school, page.references, at.today),
            *rules.check_branches(wish, school, taken, at.today),
            *rules.check_overlap(draft, page.mandates, at.today),
        ),
        unread,
    )
    routes = hand_out(wish.brin, wish.branches, used)
    mandate = page.settle(replace(draft, routes=routes), GRANT)
    page.routing.assigned += [(draft.id, branch, routing) for branch, routing in routes.items()]
    await page.write(c)
    return mandate


def _check(wish: Wish, school: School | None, references: References, today: date) -> Iterator[Wrong]:
    offered = references.offered(wish.supplier_oin)
    yield from rules.check_parties(wish, school, offered, references.services, today)
    yield from rules.check_dates(wish.start_date, wish.end_date, today, start_may_be_past=False)


def to_mandate(wish: Wish, now: datetime) -> Mandate:
    """Make the mandate that a wish asks for; its routing is still to be assigned."""
    return Mandate(
        id=new_id(now),
        brin=wish.brin,
        service_code=wish.service_code,
        supplier_oin=wish.supplier_oin,
        start_date=wish.start_date,
        end_date=wish.end_date,
        created_at=now,
        updated_at=now,
        copied_from=wish.copied_from,
    )


def hand_out(
    brin: Brin, branches: Sequence[tuple[Branch, RoutingId | None]], used: set[RoutingId]
) -> dict[Branch, RoutingId]:
    """Assign routing to branches: what was asked for, and free ones in order to the others; `used` grows by them.

    Raises `Conflict` `none_left` when a school has used up all of its routing characteristics.
    """
    used |= {routing for _, routing in branches if routing is not None}
    assigned: dict[Branch, RoutingId] = {}
    for branch, routing in branches:
        if branch not in assigned:
            assigned[branch] = routing or free(brin, used)
            used.add(assigned[branch])
    return assigned
