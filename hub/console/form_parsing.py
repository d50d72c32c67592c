"""From forms to requests. In: a form. Out: a grant request, a patch, a bulk filter or a reason, with the form's errors.

Forms are only parsed here; the rules of the use cases are not repeated, their errors are added to the form's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Literal, NoReturn
from uuid import UUID

from hub.clock import AMSTERDAM
from hub.console.forms import FormData, FormError, parse_day
from hub.domain.bulk import BulkKind
from hub.domain.objective import MAX_SECONDS, Objective
from hub.errors import Conflict, InvalidInput
from hub.operations.bulk import BulkJobRequest
from hub.operations.controls import MAX_REASON_LENGTH
from hub.register import UNCHANGED, DateChange, PartialGrant
from hub.store.bulk import BulkSelection
from schemas.identifiers import BRIN, Branch, RoutingId, ServiceCode, SystemCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.console.i18n import Translator
    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.errors import FieldError, HubError

DEFAULT_RATES: Final[Mapping[BulkKind, int]] = {BulkKind.REPLAY: 50, BulkKind.CANCELLATION: 1000}
_WAITING: Final = ("waiting", "retrying", "held")
STATUSES: Final[Mapping[BulkKind, Sequence[str]]] = {
    BulkKind.REPLAY: ("dead", "rejected", "declined", "delivered", "cancelled", *_WAITING),
    BulkKind.CANCELLATION: _WAITING,
}
MAX_RATE: Final = 10_000


BULK_YEARS: Final = range(2000, 2101)
"""The years that a filter by day may name."""
RoutingChoice = Literal["none", "free", "own"]
_FIELDS: Final = {
    "/serviceCode": "service",
    "/supplierOin": "system",
    "/systemCode": "system",
    "/startDate": "start",
    "/endDate": "end",
    "/routingId": "own",
    "/destination": "destination",
    "/to": "to",
}
_NUMBER: Final = re.compile(r"[0-9]{1,9}([.,][0-9]{1,12})?")
_OF_BRANCH: Final = re.compile(r"/branches/(\d+)/")


@dataclass(frozen=True, slots=True)
class RequestedRouting:
    """The routing that a form requests for a branch."""

    branch: str
    name: str
    how: RoutingChoice = "none"
    own: str = ""


def parse_routing(form: FormData, school: School, today: date) -> list[RequestedRouting]:
    """Return the requested routing of each open branch; a typed characteristic counts even if not ticked."""
    return [_parse_branch_routing(form, each.branch, each.name) for each in school.branches if each.is_open(today)]


def _parse_branch_routing(form: FormData, branch: str, name: str) -> RequestedRouting:
    how, own = form.text(f"how.{branch}"), form.text(f"own.{branch}")
    if how == "own" or (own and how != "free"):
        return RequestedRouting(branch, name, "own", own)
    return RequestedRouting(branch, name, "free" if how == "free" else "none", own)


def parse_grant(form: FormData, school: School, today: date, words: Translator) -> tuple[PartialGrant, list[FormError]]:
    """Parse the request for a mandate; an unreadable field gives an error and is None."""
    given = [each for each in parse_routing(form, school, today) if each.how != "none"]
    start, end = parse_day(form.text("start")), parse_day(form.text("end"))
    faults = _date_errors(form, start, end, words)
    faults += [FormError(f"own.{g.branch}", words("own_missing")) for g in given if g.how == "own" and not g.own]
    request = PartialGrant(
        brin=school.brin,
        service_code=ServiceCode(form.text("service")),
        supplier_oin=None,
        start_date=start,
        end_date=end,
        branches=[_to_branch(each) for each in given],
        system_code=SystemCode(form.text("system")),
    )
    return request, faults


def _to_branch(given: RequestedRouting) -> tuple[Branch, RoutingId | None] | None:
    if given.how == "own":
        return (Branch(given.branch), RoutingId(given.own)) if given.own else None
    return Branch(given.branch), None


def parse_patch(form: FormData, mandate: Mandate, today: date, words: Translator) -> tuple[DateChange, list[FormError]]:
    """Parse the new dates of a mandate; the start date only when it lies ahead."""
    start, end = parse_day(form.text("start")), parse_day(form.text("end"))
    if mandate.start_date <= today:
        faults = _date_errors(form, mandate.start_date, end, words)
        return DateChange(end_date=end), faults
    return DateChange(start_date=start or UNCHANGED, end_date=end), _date_errors(form, start, end, words)


def _date_errors(form: FormData, start: date | None, end: date | None, words: Translator) -> list[FormError]:
    faults = [FormError("start", words.error("", "day", ""))] if start is None else []
    if end is None and form.text("end"):
        faults.append(FormError("end", words.error("", "day", "")))
    return faults


def parse_reason(form: FormData, words: Translator) -> tuple[str, list[FormError]]:
    """Parse the reason of a change."""
    reason = form.text("reason")
    if not reason:
        return reason, [FormError("reason", words("reason_missing"))]
    return reason, [FormError("reason", words("reason_long"))] if len(reason) > MAX_REASON_LENGTH else []


def parse_objective(form: FormData, words: Translator) -> tuple[Objective | None, list[FormError]]:
    """Parse an objective: seconds to the receiver, hours until the report, and the share of both in per cent."""
    transport, hours, share = (_decimal(form.text(name)) for name in ("transport", "processing", "share"))
    faults = []
    if not 0 < transport <= MAX_SECONDS:
        faults.append(FormError("transport", words("objective_seconds_wrong", n=MAX_SECONDS)))
    if not 0 < hours <= MAX_SECONDS / 3600:
        faults.append(FormError("processing", words("objective_hours_wrong", n=MAX_SECONDS // 3600)))
    if not 0 < share < 100:  # noqa: PLR2004 - per cent
        faults.append(FormError("share", words("objective_share_wrong")))
    if faults:
        return None, faults
    return Objective(transport_seconds=transport, processing_seconds=hours * 3600, share=round(share / 100, 12)), []


def _decimal(text: str) -> float:
    """Read a number with a comma or a point; 0 for anything else, which no field of ours accepts."""
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else 0.0


def refuse(errors: list[FieldError]) -> NoReturn:
    """Raise `InvalidInput` with the errors of a request of which only a part could be read."""
    raise InvalidInput(errors)


def merge_errors(
    faults: list[FormError], fault: HubError, words: Translator, branches: Sequence[str] = ()
) -> list[FormError]:
    """Return the form's errors with those of the use case; per field only the form's own."""
    found = [*faults]
    errors = fault.errors if isinstance(fault, InvalidInput | Conflict) else ()
    for error in errors:
        name = _form_field(error.field, branches)
        if name not in {each.field for each in faults}:
            found.append(FormError(name, words.error(error.field, error.code, error.detail)))
    return found if errors or faults else [*found, FormError("", words.fault(fault))]


def _form_field(field: str, branches: Sequence[str]) -> str:
    nth = _OF_BRANCH.match(field)
    if nth is not None and int(nth[1]) < len(branches):
        return f"own.{branches[int(nth[1])]}"
    return _FIELDS.get(field, "")


def parse_bulk_filter(form: FormData, kind: BulkKind, words: Translator) -> tuple[BulkJobRequest, list[FormError]]:
    """Read the filters and the rate of a bulk job; an empty field matches everything."""
    brins = list(dict.fromkeys(form.text("brins").upper().replace(",", " ").split()))
    faults = [FormError("brins", words("no_such_school", brin=b)) for b in brins if not BRIN.pattern.fullmatch(b)]
    first, last = parse_day(form.text("from")), parse_day(form.text("to"))
    for name, day in (("from", first), ("to", last)):
        if form.text(name) and day is None:
            faults.append(FormError(name, words.error("", "day", "")))
        elif day is not None and day.year not in BULK_YEARS:
            faults.append(FormError(name, words("day_out_of_range", first=BULK_YEARS[0], last=BULK_YEARS[-1])))
    given = [parse_id(text) for text in form.texts("delivery")]
    ids = [each for each in given if each is not None]
    rate = form.number("rate") if form.text("rate") else DEFAULT_RATES[kind]
    if not 1 <= rate <= MAX_RATE:
        faults.append(FormError("rate", words("rate_wrong")))
    chosen = BulkSelection(
        destination=form.text("destination") or None,
        brins=brins or None,
        delivery_ids=ids or None,
        statuses=[status for status in form.texts("status") if status in STATUSES[kind]] or None,
        planned_from=_midnight(first),
        planned_until=_midnight(last, days=1),
    )
    return BulkJobRequest(kind=kind, chosen=chosen, rate=rate), faults


def apply_preset(form: FormData, today: date) -> FormData:
    """Return the filter that a preset stands for: all of yesterday, or all of today."""
    days = {"yesterday": today - timedelta(1), "today": today}.get(form.text("preset"))
    if days is None:
        return form
    shown = days.strftime("%d-%m-%Y")
    return FormData({**form.fields, "preset": [""], "from": [shown], "to": [shown]})


def parse_id(text: str) -> UUID | None:
    """Read an id as people paste it; None for anything else."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _midnight(day: date | None, days: int = 0) -> datetime | None:
    """Return the midnight in Amsterdam with which a day begins; None for a day that is missing or was refused."""
    if day is None or day.year not in BULK_YEARS:
        return None
    return datetime.combine(day + timedelta(days), time.min, AMSTERDAM)
