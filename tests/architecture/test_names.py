"""What the product defines: each class once, and nothing that only tests use."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("consumers", "hub", "producers", "schemas")
MAX_LOOSE_MODULES: Final = 8
REGISTERS: Final = re.compile(r"^(router|app|\w*_app)\.|validator|serializer|checks_together|subscriber|publisher")
"""Decorators that hand a function to a framework, which calls it."""
NAMES: Final = re.compile(r"[\w.]+(\[.*\])?")
"""Texts that can be names: annotations in quotes, attributes that are looked up, modules that are loaded."""
CALLED_BY_LIBRARIES: Final = {
    "_load_env_vars": "pydantic-settings calls it",
    "capture_signals": "uvicorn calls it",
    "down_revision": "Alembic reads it",
    "eof_received": "asyncio calls it",
    "field_title_should_be_set": "pydantic calls it",
    "send_400_response": "uvicorn calls it",
    "settings_customise_sources": "pydantic-settings calls it",
    "upgrade": "Alembic calls it",
}
"""Names that nothing of ours mentions, and why they are there."""


def parse() -> dict[Path, ast.Module]:
    """Parse every module of the product."""
    return {path: ast.parse(path.read_text()) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}


def definitions(body: list[ast.stmt], *, is_module: bool = True) -> Iterator[tuple[str, int]]:
    """Find functions, classes, methods and constants, unless a decorator hands them to a framework."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if not any(REGISTERS.search(ast.unparse(each)) for each in node.decorator_list):
                    yield node.name, node.lineno
            case ast.ClassDef():
                yield node.name, node.lineno
                yield from definitions(node.body, is_module=False)
            case ast.Assign(targets=[ast.Name(id=name), *_]) | ast.AnnAssign(target=ast.Name(id=name)) if is_module:
                yield name, node.lineno


def mentions(module: ast.Module) -> Iterator[str]:
    """Find every name that a module uses; to import one, or to list it in `__all__`, is no use."""
    for node in ast.walk(ast.Module(body=[each for each in module.body if not _is_export_list(each)], type_ignores=[])):
        match node:
            case ast.Name(id=name, ctx=ast.Load() | ast.Del()) | ast.Attribute(attr=name):
                yield name
            case ast.ImportFrom():
                yield from (each.name for each in node.names if each.asname not in (None, each.name))
            case ast.Constant(value=str(text)) if NAMES.fullmatch(text):
                yield from re.findall(r"\w+", text)


def test_no_class_name_is_defined_twice() -> None:
    """One word has one meaning in the whole product."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, module in parse().items():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path.relative_to(ROOT)))

    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_few_modules_lie_loose_in_the_hub() -> None:
    """A module of `hub` lies in the folder of its room; eight at most are rooms by themselves."""
    loose = {path.name for path in (ROOT / "hub").glob("*.py")} - {"__init__.py"}

    assert len(loose) <= MAX_LOOSE_MODULES, sorted(loose)


def test_nothing_is_there_for_tests_only() -> None:
    """Whatever the product defines, the product uses; what a library calls is listed with its name and reason."""
    modules = parse()
    used = {name for module in modules.values() for name in mentions(module)}
    for path in (ROOT / "hub" / "console" / "templates").rglob("*.html"):
        used.update(re.findall(r"\w+", path.read_text()))
    used.update(re.findall(r"\w+", (ROOT / "pyproject.toml").read_text()))

    unused = {
        name: f"{path.relative_to(ROOT)}:{line}"
        for path, module in modules.items()
        for name, line in definitions(module.body)
        if name not in used and not re.fullmatch(r"__\w+__", name)
    }

    assert {name: where for name, where in unused.items() if name not in CALLED_BY_LIBRARIES} == {}
    assert CALLED_BY_LIBRARIES.keys() <= unused.keys(), "used by now: take it off the list"


def _is_export_list(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(ast.unparse(each) == "__all__" for each in node.targets)
