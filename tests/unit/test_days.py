"""Days as people write them in a form."""

from __future__ import annotations

from datetime import date

import pytest

from hub.console.forms import parse_day


@pytest.mark.parametrize(
    "text",
    [
        "1-8-2027", "01-08-2027", "1/8/2027", "1.8.2027", "1 8 2027", "01082027", "2027-08-01", "1 aug 2027",
        "1 augustus 2027", "1-AUG-2027", " 1 august 2027 ", "1 aug. 2027", "01/08/27", "1-8-27",
    ],
)  # fmt: skip
def test_a_day_is_read_as_it_is_written(text: str) -> None:
    """With dashes, slashes, dots or blanks, with digits alone, with the name of the month in either language."""
    assert parse_day(text) == date(2027, 8, 1)


@pytest.mark.parametrize(
    ("text", "month"), [("1 mrt 2027", 3), ("1 mei 2027", 5), ("1 may 2027", 5), ("1 okt 2027", 10), ("1 oct 2027", 10)]
)
def test_months_have_names_in_two_languages(text: str, month: int) -> None:
    """Short or whole."""
    assert parse_day(text) == date(2027, month, 1)


@pytest.mark.parametrize(
    "text", ["", "morgen", "31-02-2027", "1-13-2027", "1 foo 2027", "0108202", "010827", "1-8-7", "1-8-1999"]
)
def test_anything_else_is_no_day(text: str) -> None:
    """Days that do not exist, years before 2000, words."""
    assert parse_day(text) is None
