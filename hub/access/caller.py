"""The claims of a token. In: claims that were verified. Out: a `Caller`, or `NotAuthenticated` for other forms."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from hub.errors import NotAuthenticated
from schemas.identifiers import BgeCode, Brin, Oin

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(StrEnum):
    """A role of a caller; `SCHOOL` is the role by which Mijn DUO lets someone administer a school's mandates."""

    SCHOOL = "OSR-toegang"
    LAS = "las"
    DUO = "duo"
    OPERATIONS = "operations"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimNames:
    """The names of the claims at an issuer; a dotted path leads into claims that are objects."""

    roles: str = "roles"
    brins: str = "brins"
    bges: str = "bges"
    oin: str = "oin"
    systems: str = "systems"


CLAIM_NAMES: Final = ClaimNames()


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The bearer of a verified token: roles, and the schools, boards and suppliers that they hold for.

    `systems` are the codes of the systems of its supplier that a token is limited to; None for all of them.
    """

    subject: str
    roles: frozenset[Role]
    brins: frozenset[Brin] = frozenset()
    bges: frozenset[BgeCode] = frozenset()
    oins: frozenset[Oin] = frozenset()
    systems: frozenset[str] | None = None

    def has(self, *roles: Role) -> bool:
        """Return whether the caller has at least one of these roles."""
        return not self.roles.isdisjoint(roles)

    @property
    def oin(self) -> Oin | None:
        """The supplier of the caller, when it is exactly one."""
        return next(iter(self.oins)) if len(self.oins) == 1 else None

    def claims(self) -> dict[str, Any]:
        """Return the claims of a token for this caller; a single OIN is a text, several are a list."""
        oins = sorted(self.oins)
        named = {"brins": sorted(self.brins), "bges": sorted(self.bges), "oin": oins[0] if len(oins) == 1 else oins}
        return {
            "sub": self.subject,
            "roles": sorted(self.roles),
            **{name: value for name, value in named.items() if value},
            **({} if self.systems is None else {"systems": sorted(self.systems)}),
        }


def read_caller(claims: Mapping[str, Any], names: ClaimNames = CLAIM_NAMES) -> Caller:
    """Return the caller that verified claims describe; unknown roles are ignored.

    Raises `NotAuthenticated` for claims of another form.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise NotAuthenticated("the token names no subject")
    known = {str(role) for role in Role}
    return Caller(
        subject=subject,
        roles=frozenset(Role(role) for role in _texts(claims, names.roles) if role in known),
        brins=frozenset(Brin(text) for text in _texts(claims, names.brins)),
        bges=frozenset(BgeCode(text) for text in _texts(claims, names.bges)),
        oins=frozenset(Oin(text) for text in _texts(claims, names.oin)),
        systems=None if _find(claims, names.systems) is None else frozenset(_texts(claims, names.systems)),
    )


def _texts(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return the values of a claim: those of a list, or of one text, separated by blanks or commas."""
    given = _find(claims, name) or []
    texts = given.replace(",", " ").split() if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise NotAuthenticated(f"the token's {name} is not a list of texts")
    return texts


def _find(claims: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - a claim holds anything
    """Return a claim by its name, or else by a dotted path; names may hold dots themselves, as URLs and clients do."""
    if path in claims:
        return claims[path]
    for end in (n for n, letter in enumerate(path) if letter == "."):
        inner = claims.get(path[:end])
        if isinstance(inner, dict) and (found := _find(inner, path[end + 1 :])) is not None:
            return found
    return None
