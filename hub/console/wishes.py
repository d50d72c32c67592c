"""What an administrator wishes, as forms say it. In: a form. Out: a wish or a patch, and all that is wrong with it.

The hub's own rules are asked, never repeated: here is only read what people wrote, and said in their words what the
rules found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from hub.console.forms import Fault, read_day
from hub.errors import Conflict, InvalidInput
from hub.operate import LONGEST_REASON
from hub.register import AS_IT_IS, Patch, Wish
from schemas.identifiers import Branch, Oin, RoutingId, ServiceCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from hub.console.forms import Form
    from hub.console.words import Words
    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.errors import HubError

How = Literal["none", "free", "own"]
_FIELDS: Final = {
    "/serviceCode": "service",
    "/supplierOin": "system",
    "/startDate": "start",
    "/endDate": "end",
    "/routingId": "own",
    "/destination": "destination",
    "/to": "to",
}
_OF_BRANCH: Final = re.compile(r"/branches/(\d+)/")


@dataclass(frozen=True, slots=True)
class Given:
    """The routing that a form asks for a branch."""

    branch: str
    name: str
    how: How = "none"
    own: str = ""


def given_routing(form: Form, school: School, today: date) -> list[Given]:
    """Read what is asked for each open branch; a characteristic that was typed and not ticked is meant all the same."""
    return [_given(form, place.branch, place.name) for place in school.locations if place.is_open(today)]


def _given(form: Form, branch: str, name: str) -> Given:
    how, own = form.text(f"how.{branch}"), form.text(f"own.{branch}")
    if how == "own" or (own and how != "free"):
        return Given(branch, name, "own", own)
    return Given(branch, name, "free" if how == "free" else "none", own)


def read_wish(form: Form, school: School, today: date, words: Words) -> tuple[Wish, list[Fault]]:
    """Read the wish for a mandate; what cannot be read is a fault, and replaced by what is wrong with nothing else."""
    given = [each for each in given_routing(form, school, today) if each.how != "none"]
    start, end = read_day(form.text("start")), read_day(form.text("end"))
    faults = _unread_days(form, start, end, words)
    faults += [Fault(f"own.{g.branch}", words("own_missing")) for g in given if g.how == "own" and not g.own]
    wish = Wish(
        brin=school.brin,
        service_code=ServiceCode(form.text("service")),
        supplier_oin=Oin(form.text("system")),
        start_date=start or today,
        end_date=end,
        branches=[(Branch(g.branch), RoutingId(g.own) if g.how == "own" and g.own else None) for g in given],
    )
    return wish, faults


def read_patch(form: Form, mandate: Mandate, today: date, words: Words) -> tuple[Patch, list[Fault]]:
    """Read the dates that a mandate shall have; a start date that has come is not asked for."""
    start, end = read_day(form.text("start")), read_day(form.text("end"))
    if mandate.start_date <= today:
        faults = _unread_days(form, mandate.start_date, end, words)
        return Patch(end_date=end), faults
    return Patch(start_date=start or AS_IT_IS, end_date=end), _unread_days(form, start, end, words)


def _unread_days(form: Form, start: date | None, end: date | None, words: Words) -> list[Fault]:
    faults = [Fault("start", words.error("", "day", ""))] if start is None else []
    if end is None and form.text("end"):
        faults.append(Fault("end", words.error("", "day", "")))
    return faults


def read_reason(form: Form, words: Words) -> tuple[str, list[Fault]]:
    """Read the reason that something needs."""
    reason = form.text("reason")
    if not reason:
        return reason, [Fault("reason", words("reason_missing"))]
    return reason, [Fault("reason", words("reason_long"))] if len(reason) > LONGEST_REASON else []


def refuse_unread(faults: Sequence[Fault]) -> None:
    """Undo what was done for a form of which something could not be read."""
    if faults:
        raise InvalidInput([])


def add_found(faults: list[Fault], fault: HubError, words: Words, branches: Sequence[str] = ()) -> list[Fault]:
    """Add what the rules found to what could not be read; about one field the first is said."""
    found = [*faults]
    errors = fault.errors if isinstance(fault, InvalidInput | Conflict) else ()
    for error in errors:
        name = _name(error.field, branches)
        if name not in {each.field for each in faults}:
            found.append(Fault(name, words.error(error.field, error.code, error.detail)))
    return found if errors or faults else [*found, Fault("", words.fault(fault))]


def _name(field: str, branches: Sequence[str]) -> str:
    nth = _OF_BRANCH.match(field)
    if nth is not None and int(nth[1]) < len(branches):
        return f"own.{branches[int(nth[1])]}"
    return _FIELDS.get(field, "")
