"""Which deliveries an operator means, as a form says it. In: a form. Out: filters, and what could not be read."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from hub.clock import AMSTERDAM
from hub.console.forms import FormData, FormError, parse_day
from hub.console.i18n import Translator
from hub.domain.bulk import BulkKind
from hub.operations.bulk import BulkJobRequest
from hub.store.bulk import BulkSelection
from schemas.identifiers import BRIN

DEFAULT_RATES: Final[Mapping[BulkKind, int]] = {BulkKind.REPLAY: 50, BulkKind.CANCELLATION: 1000}
_WAITING: Final = ("waiting", "retrying", "held")
STATUSES: Final[Mapping[BulkKind, Sequence[str]]] = {
    BulkKind.REPLAY: ("dead", "rejected", "declined", "delivered", "cancelled", *_WAITING),
    BulkKind.CANCELLATION: _WAITING,
}
MAX_RATE: Final = 10_000


def parse_bulk_filter(form: FormData, kind: BulkKind, words: Translator) -> tuple[BulkJobRequest, list[FormError]]:
    """Read the filters and the pace; what is left empty asks for all."""
    brins = list(dict.fromkeys(form.text("brins").upper().replace(",", " ").split()))
    faults = [FormError("brins", words("no_such_school", brin=b)) for b in brins if not BRIN.pattern.fullmatch(b)]
    first, last = parse_day(form.text("from")), parse_day(form.text("to"))
    for name, day in (("from", first), ("to", last)):
        if form.text(name) and day is None:
            faults.append(FormError(name, words.error("", "day", "")))
    rate = form.number("rate") if form.text("rate") else DEFAULT_RATES[kind]
    if not 1 <= rate <= MAX_RATE:
        faults.append(FormError("rate", words("rate_wrong")))
    chosen = BulkSelection(
        destination=form.text("destination") or None,
        brins=brins or None,
        statuses=[status for status in form.texts("status") if status in STATUSES[kind]] or None,
        planned_from=_midnight(first),
        planned_until=_midnight(last, days=1),
    )
    return BulkJobRequest(kind=kind, chosen=chosen, rate=rate), faults


def _midnight(day: date | None, days: int = 0) -> datetime | None:
    return None if day is None else datetime.combine(day + timedelta(days), time.min, AMSTERDAM)
