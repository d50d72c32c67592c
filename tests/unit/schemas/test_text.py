"""What counts as a name, and how text of others is shown where it could steer something."""

from __future__ import annotations

import unicodedata

import pytest

from schemas.identifiers import InvalidIdentifier
from schemas.text import MAX_NAME_LENGTH, make_visible, parse_name

NO_NAMES = {
    "empty": "",
    "blanks": " \u00a0\u3000",
    "zero width only": "\u200b\u200d\ufeff\u2060",
    "a blank letter": "\u3164",
    "an accent alone": "\u0301",
    "NUL": "a\x00",
    "ESC": "\x1b[31mrood",
    "a line end": "a\nb",
    "C1": "a\x9b5m",
    "direction": "a\u202egro",
    "an isolate": "\u2066a\u2069",
    "a line separator": "a\u2028b",
    "half a character": "a\ud800",
    "too long": "x" * (MAX_NAME_LENGTH + 1),
    "too long when composed": "\u0958" * MAX_NAME_LENGTH,
}


@pytest.mark.parametrize("text", NO_NAMES.values(), ids=NO_NAMES.keys())
def test_what_people_cannot_read_is_no_name(text: str) -> None:
    """The fault shows what was given without its control characters."""
    with pytest.raises(InvalidIdentifier) as fault:
        parse_name(text)
    assert make_visible(str(fault.value)) == str(fault.value)


@pytest.mark.parametrize(
    "name", ["De Boog", "\u2019t Schrijverke", "[/x]", "Ze\u200cr", "学校", "X" * MAX_NAME_LENGTH, "👨‍👩‍👧"]
)
def test_a_name_is_kept_as_it_is(name: str) -> None:
    """Markup is text; a joiner between letters is part of a word."""
    assert parse_name(name) == name


def test_a_name_is_kept_composed() -> None:
    """The same name has one spelling."""
    assert parse_name(unicodedata.normalize("NFD", "Café Zoë")) == "Café Zoë"


def test_what_steers_is_shown_as_its_escape() -> None:
    """Everything else is left alone; line ends stay where they are asked for."""
    text = "é\x1b[31m\x9b\u202e\u200b\ud800\U000e0041\n[/x]"
    assert make_visible(text) == r"é\x1b[31m\x9b\u202e\u200b\ud800\U000e0041\n[/x]"
    assert make_visible("a\nb\tc", keep="\n") == "a\nb\\tc"
