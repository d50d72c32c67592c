"""The kinds of education that DUO publishes schools of, each in a file of its own or with others.

In: what a file calls a kind. Out: the kinds that are meant, and the sector that each belongs to.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


class Education(StrEnum):
    """A kind of education."""

    BO = "bo"
    """Primary (basisonderwijs)."""
    SBO = "sbo"
    """Special primary (speciaal basisonderwijs)."""
    SO = "so"
    """Special (speciaal onderwijs)."""
    VSO = "vso"
    """Special secondary (voortgezet speciaal onderwijs), which DUO counts as po."""
    VO = "vo"
    """Secondary (voortgezet onderwijs)."""


_SPELLINGS: Final = {
    "bo": (Education.BO,),
    "bao": (Education.BO,),
    "basisonderwijs": (Education.BO,),
    "sbo": (Education.SBO,),
    "sbao": (Education.SBO,),
    "speciaalbasisonderwijs": (Education.SBO,),
    "so": (Education.SO,),
    "speciaalonderwijs": (Education.SO,),
    "vso": (Education.VSO,),
    "voortgezetspeciaalonderwijs": (Education.VSO,),
    "sovso": (Education.SO, Education.VSO),
    "(v)so": (Education.SO, Education.VSO),
    "speciaal(basis)onderwijs": (Education.SBO, Education.SO),
}
_BETWEEN: Final = re.compile(r"[/,+&-]|\ben\b")


def read_education(text: str) -> frozenset[Education] | None:
    """Return the kinds that a file means by `Sbo`, `So/Vso` or the like; None when one of them is unknown."""
    words = ["".join(word.split()) for word in _BETWEEN.split(text.casefold())]
    if not all(word in _SPELLINGS for word in words):
        return None
    return frozenset(kind for word in words for kind in _SPELLINGS[word])


def sectors_of(kinds: Iterable[str]) -> set[str]:
    """Return the sectors, po or vo, that kinds belong to."""
    return {"vo" if kind == Education.VO else "po" for kind in kinds}
