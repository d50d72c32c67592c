"""Laws of masking: no number that could be a person's leaves, and what names an organisation or a day stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.masking import MASK, mask_numbers


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("BSN 123456782 onbekend", "BSN ********* onbekend"),
        ("bsn:123456782", "bsn:*********"),
        ("BSN123456782X", "BSN*********X"),
        ("1234.56.782", "*********"),
        ("1234 56 782", "*********"),
        ("123-456-782", "*********"),
        ("123\u2011456\u2011782", "*********"),
        ("123\u00a0456\u00a0782", "*********"),
        ("123 - 456 - 782", "*********"),
        ("1 2 3 4 5 6 7 8 2", "*********"),
        ("\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff12", "*********"),
        ("123456782 en 234567891", "********* en *********"),
        ("geboren 01-02-2015, PGN 123456782", "geboren 01-02-2015, PGN *********"),
        ("12345678220150201", "*********"),
        ("2012-10-105", "*********"),
        ("12-10-2012-5", "*********"),
        ("bel 06-12345678", "bel *********"),
        ("0000000212345678200000", "*********"),
        ("00000001123456782000", "*********"),
    ],
)
def test_a_number_of_nine_digits_or_more_is_starred_out(text: str, masked: str) -> None:
    """However it is written, a number that could be a person's is replaced by nine stars."""
    assert mask_numbers(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "geen mandaat gevonden",
        "code 12345678",
        "mandaat 0000000700018DS00001 onbekend",
        "leverancier 00000003272448340204 op 2026-11-23",
        "levering 01936b2e-1234-7890-8123-123456789012 ontvangen op 2026-11-23T09:00:00.123Z",
        "vestiging 18DS00, 23-11-2026 09:00, versie 3",
        "versie 12 van 2026-11-23 tot 2027-07-31",
    ],
)
def test_organisations_ids_and_days_stay_readable(text: str) -> None:
    """What a school needs to read in a signal is left as it is."""
    assert mask_numbers(text) == text


WITHOUT_DIGITS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Nd"]), max_size=40)


@given(WITHOUT_DIGITS, st.from_regex(re.compile("[0-9]{9}", re.ASCII), fullmatch=True), WITHOUT_DIGITS)
def test_no_nine_digits_survive_any_surroundings(before: str, number: str, after: str) -> None:
    """Whatever stands around it, the number is gone and the mask is there."""
    masked = mask_numbers(before + number + after)
    assert number not in masked
    assert MASK in masked


@given(st.text(max_size=200))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    """What was masked holds nothing to mask."""
    once = mask_numbers(text)
    assert mask_numbers(once) == once
