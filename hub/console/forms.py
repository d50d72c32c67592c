"""What was filled in. In: the body of a form. Out: texts and days, and beside each field what is wrong with it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from urllib.parse import parse_qs

from schemas.moments import check_day

_DAY: Final = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
MAX_FIELDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class FormData:
    """The fields of a form as they were sent."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """Read a field's text, without the space around it."""
        return next(iter(self.fields.get(name, ())), default).strip()

    def texts(self, name: str) -> list[str]:
        """Read all texts of a field that may occur more than once, each once."""
        return list(dict.fromkeys(text.strip() for text in self.fields.get(name, ())))

    def number(self, name: str) -> int:
        """Read a number of our own making; 0 when it is none."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004 - no version has ten digits


def parse_form(body: bytes) -> FormData:
    """Read the body of a form."""
    try:
        return FormData(parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        return FormData()


@dataclass(frozen=True, slots=True)
class FormError:
    """What is wrong with a field, in words; a fault without a field is about the whole."""

    field: str
    says: str


class FormErrors:
    """Everything that is wrong with a form."""

    def __init__(self, faults: Iterable[FormError] = ()) -> None:
        self.all = list(faults)

    def __bool__(self) -> bool:
        """Say whether anything is wrong."""
        return bool(self.all)

    def of(self, name: str) -> list[str]:
        """Say what is wrong with one field."""
        return [fault.says for fault in self.all if fault.field == name]


def parse_day(text: str) -> date | None:
    """Read a day as a browser's calendar writes it, or as people do: day, month, year; None when it is no day."""
    found = _DAY.fullmatch(text)
    try:
        day = date(int(found[3]), int(found[2]), int(found[1])) if found else date.fromisoformat(text)
        return check_day(day)
    except ValueError:
        return None
