"""What the hub says to people: whole sentences that say one thing, in one language."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hub.domain.cause import Cause, DestinationState, DestinationStatus, FailedTransport
from hub.domain.health import FaultKind, HealthFault
from hub.domain.health_words import explain_fault
from hub.domain.says import Language, explain

if TYPE_CHECKING:
    from collections.abc import Iterator

HUB: Final = Path(__file__).resolve().parents[2] / "hub"
SHORTEST: Final = 2
"""Blanks in what may be a sentence."""
NEGATION: Final = re.compile(r"\b(?:no|not|never|nobody|nothing|none|cannot|neither)\b")
CLAUSE: Final = re.compile(r"[;:.,()]|\band no\b|\{[^}]*\}")
KINDS: Final = {
    "a verb that is denied without an auxiliary, as in `answers not`": re.compile(
        r"\b(?:answers|takes|knows|says|sends|reads|gives|lets|needs) not\b|\blets [\w ]+ not\b"
    ),
    "an example of what it is not, as in `is no date, such as`": re.compile(r"\bis no [\w ]+, such as\b"),
    "nobody who knows or asks": re.compile(r"\bnobody (?:knows|asks|says)\b"),
    "a word of a code in the place of a verb": re.compile(r"` (?:description|title|detail) (?:why|what)\b"),
}
ENGLISH: Final = "Connect call failed"


def text_of(node: ast.expr) -> str | None:
    """Return the words of a text of the program, with what is put into it in braces."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    return None


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Return the texts of a module that may be sentences, with their lines; docstrings are not among them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    passed |= {id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in each.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in passed:
            said = text_of(node)
            if said is not None and said.count(" ") >= SHORTEST:
                yield node.lineno, said


def spoken() -> Iterator[tuple[str, str]]:
    """Return all texts of the hub for people: no SQL, and no texts of pages, which have two languages."""
    for path in sorted(HUB.rglob("*.py")):
        if not {"i18n", "migrations", "decisions"} & set(path.parts):
            for line, said in sentences(path):
                if "|" in said:  # a pattern that is searched for
                    continue
                yield f"{path.relative_to(HUB)}:{line}", said


def test_no_sentence_denies_twice_in_one_breath() -> None:
    """A clause says what is so or what is not so; a reader counts no negations."""
    twice = [
        (where, clause)
        for where, said in spoken()
        for clause in CLAUSE.split(said)
        if len(NEGATION.findall(clause)) > 1
    ]
    assert twice == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_sentence_is_of_a_kind_that_is_read_twice(kind: str) -> None:
    """Each kind stood in a message once."""
    assert [(where, said) for where, said in spoken() if KINDS[kind].search(said)] == []


def test_the_kinds_are_found_where_they_stand() -> None:
    """The sentences that were mended are still recognised."""
    wrong = (
        "the LAS answers not (the receiver answered 500)",
        "the database lets this role not in",
        "{} is no date, such as 2026-08-01",
        "two people are needed, and nobody knows who you are",
        "It does not go together with what is there; `code` description why.",
    )
    assert [said for said in wrong if not any(kind.search(said) for kind in KINDS.values())] == []
    assert len(NEGATION.findall("the log has nothing that the database does not have")) > 1


@pytest.mark.parametrize("cause", list(Cause))
def test_a_page_in_dutch_has_no_error_in_english(cause: Cause) -> None:
    """A program's own words are for the terminal and the log, in whose language they are."""
    standing = DestinationStatus(
        name="las:1",
        state=DestinationState.OPEN,
        waiting=3,
        circuit_error=ENGLISH,
        slow_error=ENGLISH,
        failing=FailedTransport(was_refused=False, error=ENGLISH),
    )
    assert ENGLISH not in explain(cause, standing, Language.DUTCH)


def test_a_fault_of_a_process_in_dutch_names_where_its_error_is() -> None:
    """Instead of the error itself, which is in English."""
    fault = HealthFault(kind=FaultKind.LOOP_LATE, seconds=50, loop="plan.sweep", process="here 7", error=ENGLISH)
    assert ENGLISH in explain_fault("plan", fault)
    said = explain_fault("plan", fault, Language.DUTCH)
    assert ENGLISH not in said
    assert "logboek" in said
