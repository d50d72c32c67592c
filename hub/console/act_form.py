"""Which deliveries an operator means, as a form says it. In: a form. Out: filters, and what could not be read."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from hub.bulk import Wanted
from hub.clock import AMSTERDAM
from hub.console.forms import Fault, Form, read_day
from hub.console.words import Words
from hub.domain.bulk import BulkKind
from hub.store.bulk import Chosen
from schemas.identifiers import BRIN

RATES: Final[Mapping[BulkKind, int]] = {BulkKind.REPLAY: 50, BulkKind.CANCELLATION: 1000}
_WAITING: Final = ("waiting", "retrying", "held")
STATUSES: Final[Mapping[BulkKind, Sequence[str]]] = {
    BulkKind.REPLAY: ("dead", "rejected", "declined", "delivered", "cancelled", *_WAITING),
    BulkKind.CANCELLATION: _WAITING,
}
FASTEST: Final = 10_000


def read_wanted(form: Form, kind: BulkKind, words: Words) -> tuple[Wanted, list[Fault]]:
    """Read the filters and the pace; what is left empty asks for all."""
    brins = list(dict.fromkeys(form.text("brins").upper().replace(",", " ").split()))
    faults = [Fault("brins", words("no_such_school", brin=b)) for b in brins if not BRIN.pattern.fullmatch(b)]
    first, last = read_day(form.text("from")), read_day(form.text("to"))
    for name, day in (("from", first), ("to", last)):
        if form.text(name) and day is None:
            faults.append(Fault(name, words.error("", "day", "")))
    rate = form.number("rate") if form.text("rate") else RATES[kind]
    if not 1 <= rate <= FASTEST:
        faults.append(Fault("rate", words("rate_wrong")))
    chosen = Chosen(
        destination=form.text("destination") or None,
        brins=brins or None,
        statuses=[status for status in form.texts("status") if status in STATUSES[kind]] or None,
        planned_from=_midnight(first),
        planned_until=_midnight(last, days=1),
    )
    return Wanted(kind=kind, chosen=chosen, rate=rate), faults


def _midnight(day: date | None, days: int = 0) -> datetime | None:
    return None if day is None else datetime.combine(day + timedelta(days), time.min, AMSTERDAM)
