"""The named statements against their callers: documented, used, and called with exactly their parameters."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORE = ROOT / "hub" / "store"
BLOCK = re.compile(r"^-- name: (\w+)[!$^]?\n((?:-- .*\n)*)([^;]*);", re.MULTILINE)
LITERAL, PARAMETER = re.compile(r"'[^']*'"), re.compile(r"(?<!:):([a-z_]\w*)")
FILES = [path for path in sorted(STORE.glob("*.sql")) if path.name != "schema.sql"]
STATEMENTS = {
    match[1]: (path, match[2], set(PARAMETER.findall(LITERAL.sub("", match[3]))))
    for path in FILES
    for match in BLOCK.finditer(path.read_text(encoding="utf-8"))
}
ATTRIBUTES = [
    node
    for path in sorted(STORE.glob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "queries"
]
CALLS = [
    (path, node)
    for path in sorted(STORE.glob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Call)
    and isinstance(node.func, ast.Attribute)
    and isinstance(node.func.value, ast.Name)
    and node.func.value.id == "queries"
]


def test_every_statement_has_a_sentence_and_a_name_of_its_own() -> None:
    """Each block has a comment that ends in a full stop, and no name stands twice."""
    names = [name for path in FILES for name in re.findall(r"(?m)^-- name: (\w+)", path.read_text(encoding="utf-8"))]

    assert sorted(names) == sorted(STATEMENTS)
    assert [name for name, (_, prose, _) in STATEMENTS.items() if not prose.rstrip().endswith(".")] == []


def test_every_statement_is_used() -> None:
    """The store uses exactly the statements that its files define."""
    assert {node.attr for node in ATTRIBUTES} == set(STATEMENTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_statements_lie_beside_their_functions(path: Path) -> None:
    """Each file of statements has a module of its own name."""
    assert path.with_suffix(".py").exists()


def test_a_call_names_exactly_the_parameters_of_its_statement() -> None:
    """A missing or unknown parameter would be found only when the call runs."""
    wrong = []
    for path, call in CALLS:
        name = call.func.attr  # type: ignore[attr-defined]
        given, wanted = {keyword.arg or "**" for keyword in call.keywords}, STATEMENTS[name][2]
        if given - {"**"} - wanted or ("**" not in given and given != wanted):
            wrong.append(f"{path.name}:{call.lineno} {name}: {sorted(wanted ^ given)}")

    assert wrong == []


def test_migrations_follow_each_other_by_number() -> None:
    """Each file is a revision of its own number, and comes after the number before."""
    files = sorted((STORE / "migrations" / "versions").glob("[0-9]*.py"))
    chain = [re.findall(r'revision = (?:"(\d+)"|None)', path.read_text(encoding="utf-8")) for path in files]
    numbers = [path.name[:4] for path in files]
    assert chain == [[number, before] for number, before in zip(numbers, ["", *numbers], strict=False)]
