"""Names of schools, branches, boards, suppliers, systems and services: their types, their forms, and what must hold.

In: text from outside (a CSV, a request, a record). Out: a value of a distinct type, or `InvalidIdentifier` that says
what is wrong and what was expected. The `…Field` types do the same inside pydantic models and JSON Schemas.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, NewType

from pydantic import AfterValidator, WithJsonSchema

Oin = NewType("Oin", str)
"""An organisation: 8 digits that say who handed the number out, 12 digits or capital letters."""
SchoolOin = NewType("SchoolOin", str)
"""A school, written as an OIN: `00000007000`, its BRIN, `00000`."""
Brin = NewType("Brin", str)
"""A school (BRIN4)."""
Branch = NewType("Branch", str)
"""A branch (BRIN6): its school's BRIN and two digits."""
BgeCode = NewType("BgeCode", str)
"""A board: five digits, leading zeros included."""
RoutingId = NewType("RoutingId", str)
"""A routing characteristic: `00000007000`, a BRIN, five digits that are not all zero."""
ServiceCode = NewType("ServiceCode", str)
"""A service, as the register codes it."""
SystemCode = NewType("SystemCode", str)
"""A system of a supplier; the supplier's OIN where it has no code of its own."""

UNNAMED = SystemCode("")
"""Stands for the code of a system that has none of its own."""
SCHOOL_PREFIX = "00000007000"
SCHOOL_INDEX = "00000"
HIGHEST_INDEX = 99_999
_SHOWN = 40


class InvalidIdentifier(ValueError):  # noqa: N818 - named as the claim it makes
    """An identifier is wrong: which one, what was given and what form is expected."""

    def __init__(self, *, kind: str, given: str, expected: str) -> None:
        shown = given if len(given) <= _SHOWN else f"{given[:_SHOWN]}…"
        super().__init__(f"{shown!r} is not {kind}: expected {expected}")
        self.kind = kind
        self.given = given
        self.expected = expected


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The written form of one kind of identifier: its pattern, and the same in words."""

    kind: str
    pattern: re.Pattern[str]
    expected: str
    example: str

    def check(self, text: str) -> str:
        """Return the text when all of it has this form, else raise `InvalidIdentifier`."""
        if self.pattern.fullmatch(text) is None:
            expected = f"{self.expected}, such as {self.example}"
            raise InvalidIdentifier(kind=self.kind, given=text, expected=expected)
        return text

    def json_schema(self) -> dict[str, Any]:
        """Describe the form as a JSON Schema."""
        return {
            "type": "string",
            "pattern": f"^{self.pattern.pattern}$",
            "description": f"{self.kind[0].upper()}{self.kind[1:]}: {self.expected}.",
            "examples": [self.example],
        }


OIN = Form(
    kind="an OIN",
    pattern=re.compile("[0-9]{8}[0-9A-Z]{12}"),
    expected="20 characters: 8 digits, then 12 digits or capital letters",
    example="00000099000000001000",
)
SCHOOL_OIN = Form(
    kind="a school OIN",
    pattern=re.compile(f"{SCHOOL_PREFIX}[0-9]{{2}}[A-Z]{{2}}{SCHOOL_INDEX}"),
    expected=f"{SCHOOL_PREFIX}, a BRIN, {SCHOOL_INDEX}",
    example="0000000700018DS00000",
)
BRIN = Form(
    kind="a BRIN",
    pattern=re.compile("[0-9]{2}[A-Z]{2}"),
    expected="two digits and two capital letters",
    example="18DS",
)
BRANCH = Form(
    kind="a branch",
    pattern=re.compile("[0-9]{2}[A-Z]{2}[0-9]{2}"),
    expected="a BRIN and two digits",
    example="18DS00",
)
BGE_CODE = Form(
    kind="a board number",
    pattern=re.compile("[0-9]{5}"),
    expected="five digits",
    example="41561",
)
ROUTING_ID = Form(
    kind="a routing id",
    pattern=re.compile(f"{SCHOOL_PREFIX}[0-9]{{2}}[A-Z]{{2}}(?!{SCHOOL_INDEX})[0-9]{{5}}"),
    expected=f"{SCHOOL_PREFIX}, a BRIN, five digits other than {SCHOOL_INDEX}",
    example="0000000700018DS00001",
)
SERVICE_CODE = Form(
    kind="a service code",
    pattern=re.compile("[A-Z][A-Z0-9_-]{0,39}"),
    expected="a capital letter, then at most 39 capital letters, digits, - or _",
    example="BRON_PO",
)
SYSTEM_CODE = Form(
    kind="a system code",
    pattern=re.compile("[A-Za-z0-9][A-Za-z0-9-]{1,39}"),
    expected="a letter or digit, then 1 to 39 letters, digits or -",
    example="zandloper-po",
)


def parse_oin(text: str) -> Oin:
    """Check an OIN."""
    return Oin(OIN.check(text))


def parse_school_oin(text: str) -> SchoolOin:
    """Check a school OIN."""
    return SchoolOin(SCHOOL_OIN.check(text))


def parse_brin(text: str) -> Brin:
    """Check a BRIN4."""
    return Brin(BRIN.check(text))


def parse_branch(text: str) -> Branch:
    """Check a BRIN6."""
    return Branch(BRANCH.check(text))


def parse_bge_code(text: str) -> BgeCode:
    """Check a board number."""
    return BgeCode(BGE_CODE.check(text))


def parse_routing_id(text: str) -> RoutingId:
    """Check a routing characteristic."""
    return RoutingId(ROUTING_ID.check(text))


def parse_service_code(text: str) -> ServiceCode:
    """Check a service code."""
    return ServiceCode(SERVICE_CODE.check(text))


def parse_system_code(text: str) -> SystemCode:
    """Check a system code."""
    return SystemCode(SYSTEM_CODE.check(text))


def school_oin(brin: Brin) -> SchoolOin:
    """Write a school as an OIN."""
    return SchoolOin(f"{SCHOOL_PREFIX}{brin}{SCHOOL_INDEX}")


def routing_id(brin: Brin, index: int) -> RoutingId:
    """Write the routing characteristic of a school's administration `index`, 1 to 99999."""
    if not 1 <= index <= HIGHEST_INDEX:
        expected = f"a number from 1 to {HIGHEST_INDEX}"
        raise InvalidIdentifier(kind="a routing index", given=str(index), expected=expected)
    return RoutingId(f"{SCHOOL_PREFIX}{brin}{index:05d}")


def brin_of_school_oin(oin: SchoolOin) -> Brin:
    """Return the school that a school OIN names."""
    return Brin(oin[11:15])


def brin_of_branch(branch: Branch) -> Brin:
    """Return the school that a branch is part of."""
    return Brin(branch[:4])


def brin_of_routing_id(routing: RoutingId) -> Brin:
    """Return the school that a routing characteristic belongs to."""
    return Brin(routing[11:15])


def check_branch_of(branch: Branch, brin: Brin) -> None:
    """Raise `InvalidIdentifier` unless the branch is part of the school."""
    if brin_of_branch(branch) != brin:
        expected = f"{brin} and two digits"
        raise InvalidIdentifier(kind=f"a branch of school {brin}", given=branch, expected=expected)


def check_routing_of(routing: RoutingId, brin: Brin) -> None:
    """Raise `InvalidIdentifier` unless the routing characteristic belongs to the school."""
    if brin_of_routing_id(routing) != brin:
        expected = f"{SCHOOL_PREFIX}{brin} and five digits"
        raise InvalidIdentifier(kind=f"a routing id of school {brin}", given=routing, expected=expected)


OinField = Annotated[Oin, AfterValidator(parse_oin), WithJsonSchema(OIN.json_schema())]
SchoolOinField = Annotated[SchoolOin, AfterValidator(parse_school_oin), WithJsonSchema(SCHOOL_OIN.json_schema())]
BrinField = Annotated[Brin, AfterValidator(parse_brin), WithJsonSchema(BRIN.json_schema())]
BranchField = Annotated[Branch, AfterValidator(parse_branch), WithJsonSchema(BRANCH.json_schema())]
BgeCodeField = Annotated[BgeCode, AfterValidator(parse_bge_code), WithJsonSchema(BGE_CODE.json_schema())]
RoutingIdField = Annotated[RoutingId, AfterValidator(parse_routing_id), WithJsonSchema(ROUTING_ID.json_schema())]
ServiceCodeField = Annotated[
    ServiceCode, AfterValidator(parse_service_code), WithJsonSchema(SERVICE_CODE.json_schema())
]
SystemCodeField = Annotated[SystemCode, AfterValidator(parse_system_code), WithJsonSchema(SYSTEM_CODE.json_schema())]
