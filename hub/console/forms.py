"""Forms. In: the body of a form. Out: texts, numbers and days, and errors per field."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from urllib.parse import parse_qs

from schemas.moments import check_day

_DAY: Final = re.compile(r"(\d{1,2})[-/. ]+(\d{1,2}|[a-z]{3,9})[-/. ]+(\d{4}|\d{2})")
_DIGITS: Final = re.compile(r"(\d{2})(\d{2})(\d{4})")
_CENTURY: Final = 2000
_LAST_OF_TWO: Final = 99
_MONTHS: Final = (
    ("januari", "january"), ("februari", "february"), ("maart", "mrt", "march"), ("april",), ("mei", "may"),
    ("juni", "june"), ("juli", "july"), ("augustus", "august"), ("september",), ("oktober", "october"),
    ("november",), ("december",),
)  # fmt: skip
MAX_FIELDS: Final = 10_000
_ORDER: Final = (
    "service", "system", "start", "end", "how", "own", "record", "destination", "brins", "from", "to", "rate",
    "transport", "processing", "share", "reason", "brin",
)  # fmt: skip
"""The fields of all forms, in the order in which they stand on the pages."""


@dataclass(frozen=True, slots=True)
class FormData:
    """The fields of a form as they were sent."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """Return a field's text without surrounding space."""
        return next(iter(self.fields.get(name, ())), default).strip()

    def texts(self, name: str) -> list[str]:
        """Return the distinct texts of a field that may occur more than once."""
        return list(dict.fromkeys(text.strip() for text in self.fields.get(name, ())))

    def number(self, name: str) -> int:
        """Return a number that a page of ours wrote; 0 for anything else."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004 - no version has ten digits


def parse_form(body: bytes) -> FormData:
    """Parse the body of a form."""
    try:
        return FormData(parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        return FormData()


@dataclass(frozen=True, slots=True)
class FormError:
    """An error of a field; without a field it concerns the whole form."""

    field: str
    says: str


class FormErrors:
    """All errors of a form, in the order of its fields; those of the whole form come last."""

    def __init__(self, faults: Iterable[FormError] = ()) -> None:
        self.all = sorted(faults, key=_place_on_page)

    def __bool__(self) -> bool:
        """Return whether there are errors."""
        return bool(self.all)

    def of(self, name: str) -> list[str]:
        """Return the messages about one field."""
        return [fault.says for fault in self.all if fault.field == name]


def _place_on_page(fault: FormError) -> tuple[int, str]:
    name, _, branch = fault.field.partition(".")
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), branch)


def parse_day(text: str) -> date | None:
    """Parse a day as people write it: 1-8-2027, 01/08/27, 01082027, 1 aug 2027, 2027-08-01; None for anything else."""
    written = text.strip().lower()
    found = _DAY.fullmatch(written) or _DIGITS.fullmatch(written)
    try:
        day = date(_year(found[3]), _month(found[2]), int(found[1])) if found else date.fromisoformat(written)
        return check_day(day)
    except ValueError:
        return None


def _year(text: str) -> int:
    """Return a year; one of two digits is of this century."""
    return int(text) + (_CENTURY if int(text) <= _LAST_OF_TWO else 0)


def _month(text: str) -> int:
    """Return the number of a month, written as a number, a name or the start of a name; 0 for none."""
    if text.isdecimal():
        return int(text)
    return next((n for n, names in enumerate(_MONTHS, 1) if any(name.startswith(text) for name in names)), 0)
