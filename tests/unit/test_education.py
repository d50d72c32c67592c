"""Kinds of education, as DUO and people write them."""

from __future__ import annotations

import pytest

from hub.domain.education import read_education


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Sbo", {"sbo"}),
        ("SBAO", {"sbo"}),
        ("Bo", {"bo"}),
        ("Speciaal Basisonderwijs", {"sbo"}),
        ("So/Vso", {"so", "vso"}),
        ("so en vso", {"so", "vso"}),
        ("SOVSO", {"so", "vso"}),
        ("(V)SO", {"so", "vso"}),
        ("Sbo, So", {"sbo", "so"}),
        ("", None),
        ("Hbo", None),
        ("So/Hbo", None),
    ],
)
def test_a_kind_is_read_in_any_spelling_and_an_unknown_one_is_none(text: str, kinds: set[str] | None) -> None:
    """One kind or several; a part that is unknown makes the whole unknown, so that it is never guessed."""
    found = read_education(text)
    assert (None if found is None else {str(kind) for kind in found}) == kinds
