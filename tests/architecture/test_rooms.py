"""The shape of the code: directions, sizes, names, and who may speak to the database."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from hub.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("consumers", "hub", "producers", "schemas")
FOLDERS = {"consumers", "deploy", "hub", "producers", "schemas", "tests"}
LONGEST_MODULE = 300
LONGEST_BODY = 25
SQL = re.compile(
    r"\s*(select|insert|update|delete|with|truncate|create|alter|drop|lock|copy|listen|notify)\b", re.IGNORECASE
)
ASKS = {"execute", "executemany", "fetch", "fetchrow", "fetchval", "fetchmany", "cursor", "prepare"}


def modules(*folders: str) -> list[Path]:
    """List the Python files that are ours, below these folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def test_imports_go_one_way() -> None:
    """The linter's contracts on directions hold."""
    done = subprocess.run(  # noqa: S603 - our own linter
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", modules(*PACKAGES, "tests"), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_too_long(path: Path) -> None:
    """Three hundred lines is the most that one file may ask of a reader."""
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_answers_for(path: Path) -> None:
    """Each module of the wheel begins with its docstring."""
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_no_function_is_too_long() -> None:
    """The body of a function is at most 25 lines, its docstring not counted."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines}"
        for path in modules(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := _count_lines(node)) > LONGEST_BODY
    ]

    assert long == []


def test_only_the_store_speaks_sql() -> None:
    """No text that is SQL is handed to a connection outside `hub/store`."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules(*PACKAGES)
        if not path.is_relative_to(ROOT / "hub" / "store")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _asks_in_sql(node)
    ]

    assert found == []


def test_no_other_distribution_ships_our_names() -> None:
    """The generic names of our packages are ours alone in this environment."""
    owners = packages_distributions()

    for package in PACKAGES:
        assert set(owners.get(package, [])) <= {"osr-hub"}


def test_the_top_of_the_tree_is_the_agreed_one() -> None:
    """A new top-level folder is a decision, not an accident."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}

    assert folders - {"dist", "__pycache__"} <= FOLDERS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded(name: str) -> None:
    """What the help promises is there."""
    assert import_module(COMMANDS[name].module).app.registered_commands


def _count_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _asks_in_sql(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ASKS or not call.args:
        return False
    first = call.args[0]
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    return isinstance(first, ast.Constant) and isinstance(first.value, str) and SQL.match(first.value) is not None
