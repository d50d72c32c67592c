"""Laws of identifiers: what has the form is taken and given back, what misses it by one character is refused."""

import re
import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.identifiers import (
    Branch,
    BranchField,
    Brin,
    BrinField,
    InvalidIdentifier,
    RoutingId,
    brin_of_branch,
    brin_of_routing_id,
    brin_of_school_oin,
    check_branch_of,
    check_routing_of,
    parse_bge_code,
    parse_branch,
    parse_brin,
    parse_oin,
    parse_routing_id,
    parse_school_oin,
    parse_service_code,
    routing_id,
    school_oin,
)

BRINS = st.from_regex(re.compile(r"[0-9]{2}[A-Z]{2}", re.ASCII), fullmatch=True).map(Brin)
INDEXES = st.integers(min_value=1, max_value=99_999)

Parse = Callable[[str], str]

VALID = [
    (parse_oin, "00000003272448340204"),
    (parse_oin, "00000099000000001000"),
    (parse_oin, "0000000700018DS00000"),
    (parse_school_oin, "0000000700004HR00000"),
    (parse_brin, "00AV"),
    (parse_branch, "11OA03"),
    (parse_bge_code, "00041"),
    (parse_routing_id, "0000000700000YY00931"),
    (parse_routing_id, "0000000700004HR77707"),
    (parse_service_code, "OSO-OV"),
    (parse_service_code, "ABC_DEF"),
]

# One character of each class that a place might be mistaken for; the last ones look like a digit and like a letter.
ALPHABET = ["5", "Q", "q", " ", "\n", "-", "é", "\x00", "\u0663", "\uff21"]


def _belongs(place: str, character: str) -> bool:
    """Whether the character is of the place's own class, so that replacing it keeps the form."""
    classes = (string.digits, string.ascii_uppercase)
    return any(place in members and character in members for members in classes)


@pytest.mark.parametrize(("parse", "text"), VALID)
def test_a_well_formed_identifier_is_given_back(parse: Parse, text: str) -> None:
    """Parsing changes nothing of what has the form."""
    assert parse(text) == text


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_brin, "18DS"),
        (parse_branch, "18DS00"),
        (parse_bge_code, "41561"),
        (parse_school_oin, "0000000700018DS00000"),
        (parse_routing_id, "0000000700018DS00001"),
    ],
)
@pytest.mark.parametrize("character", ALPHABET)
def test_one_character_of_another_class_is_refused(parse: Parse, text: str, character: str) -> None:
    """Wherever a character of another class stands, the identifier is refused."""
    for position, place in enumerate(text):
        if not _belongs(place, character):
            with pytest.raises(InvalidIdentifier):
                parse(text[:position] + character + text[position + 1 :])


@pytest.mark.parametrize("character", ["q", " ", "\n", "-", "é", "\u0663"])
def test_an_oin_holds_nothing_but_digits_and_capitals(character: str) -> None:
    """An OIN with any other character in any place is refused."""
    text = "00000003272448340204"
    for position in range(len(text)):
        with pytest.raises(InvalidIdentifier):
            parse_oin(text[:position] + character + text[position + 1 :])


@pytest.mark.parametrize(("parse", "text"), [pair for pair in VALID if pair[0] is not parse_service_code])
@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + "0", lambda text: text + "\n"])
def test_one_character_more_or_less_is_refused(parse: Parse, text: str, change: Parse) -> None:
    """Identifiers of a fixed length are taken at that length only, a trailing line end included."""
    with pytest.raises(InvalidIdentifier):
        parse(change(text))


@pytest.mark.parametrize("text", ["", "bron_po", "1RIO", "_RIO", "RIO ", "RIO\n", "A" * 41])
def test_a_service_code_starts_with_a_capital_and_stays_short(text: str) -> None:
    """A service code is capitals, digits, hyphens and underscores, at most forty."""
    with pytest.raises(InvalidIdentifier):
        parse_service_code(text)


@given(BRINS)
def test_a_school_is_read_back_from_its_oin(brin: Brin) -> None:
    """A school's OIN holds its BRIN and is an OIN itself."""
    oin = school_oin(brin)
    assert str(parse_school_oin(oin)) == str(parse_oin(oin)) == str(oin)
    assert brin_of_school_oin(oin) == brin


@given(BRINS, INDEXES)
def test_school_and_index_are_read_back_from_a_routing_id(brin: Brin, index: int) -> None:
    """A routing id holds the school and the number of its administration, and begins as the school's OIN does."""
    routing = parse_routing_id(routing_id(brin, index))
    assert brin_of_routing_id(routing) == brin
    assert int(routing[15:]) == index
    assert routing[:15] == school_oin(brin)[:15]
    assert str(routing) != str(school_oin(brin))


@given(BRINS, st.integers(min_value=0, max_value=99))
def test_a_school_is_read_back_from_its_branch(brin: Brin, number: int) -> None:
    """A branch holds its school's BRIN."""
    branch = parse_branch(f"{brin}{number:02d}")
    assert brin_of_branch(branch) == brin
    check_branch_of(branch, brin)


@pytest.mark.parametrize("index", [0, -1, 100_000])
def test_an_administration_is_numbered_from_1_to_99999(index: int) -> None:
    """Index 0 is the school itself and six digits do not fit."""
    with pytest.raises(InvalidIdentifier, match="from 1 to 99999"):
        routing_id(Brin("18DS"), index)


def test_the_school_itself_is_no_routing_characteristic() -> None:
    """Five zeros name the school, not one of its administrations."""
    with pytest.raises(InvalidIdentifier, match="other than 00000"):
        parse_routing_id("0000000700018DS00000")


@given(BRINS, BRINS, INDEXES)
def test_a_branch_or_routing_id_belongs_to_one_school(brin: Brin, other: Brin, index: int) -> None:
    """What names one school is refused for any other."""
    if brin != other:
        with pytest.raises(InvalidIdentifier, match=f"a branch of school {other}"):
            check_branch_of(Branch(f"{brin}00"), other)
        with pytest.raises(InvalidIdentifier, match=f"a routing id of school {other}"):
            check_routing_of(routing_id(brin, index), other)


def test_a_refusal_says_what_was_given_and_what_is_expected() -> None:
    """The message names the kind, the text as it came, and the form with an example."""
    with pytest.raises(InvalidIdentifier) as caught:
        parse_brin("18ds")
    assert str(caught.value) == "'18ds' is not a BRIN: expected two digits and two capital letters, such as 18DS"


def test_a_refusal_does_not_repeat_a_long_text() -> None:
    """At most forty characters of what was given come back."""
    with pytest.raises(InvalidIdentifier) as caught:
        parse_brin("x" * 1000)
    assert len(str(caught.value)) < 150


def test_models_check_by_the_same_forms() -> None:
    """A model's field refuses with the same words, and its JSON Schema has the same pattern."""
    with pytest.raises(ValidationError, match="'18DS0' is not a branch"):
        TypeAdapter(BranchField).validate_python("18DS0")
    with pytest.raises(ValidationError):
        TypeAdapter(BrinField).validate_python(1800)
    assert TypeAdapter(BrinField).json_schema()["pattern"] == "^[0-9]{2}[A-Z]{2}$"


def test_routing_ids_of_known_schools() -> None:
    """The examples of the field are made from school and index."""
    assert routing_id(Brin("04HR"), 77_707) == RoutingId("0000000700004HR77707")
    assert routing_id(Brin("00YY"), 931) == RoutingId("0000000700000YY00931")
