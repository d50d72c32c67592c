"""Writes the catalogue of log events from the code. In: every call of a logger. Out: `deploy/log-events.md`.

`python -m tests.support.log_events` writes the file; a test of the architecture compares it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
CATALOGUE: Final = ROOT / "deploy" / "log-events.md"
PACKAGES: Final = ("hub", "consumers", "producers", "schemas")
LEVELS: Final = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
NAME: Final = re.compile(r"[a-z_]+(\.[a-z_]+)+")
HEAD: Final = """\
# Log events

Generated from the code by `python -m tests.support.log_events`. Each line of the log has `at`, `level` and `event`;
the fields below come after them. `next` says what the hub does by itself or what to do.

| event | level | fields | next | module |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True, order=True)
class LogEvent:
    """A call of a logger."""

    name: str
    level: str
    fields: tuple[str, ...]
    next: str
    module: str
    line: int


def find_events(path: Path) -> list[LogEvent]:
    """Find the log events of a file; raises `TypeError` for a name that the code computes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    loggers = set(_loggers(tree))
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return [
        _event(node, module)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and ast.unparse(node.func.value) in loggers
    ]


def all_events() -> list[LogEvent]:
    """Find the log events of all packages, by name."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(event for path in paths for event in find_events(path))


def catalogue() -> str:
    """Write the catalogue."""
    return HEAD + "".join(f"{row}\n" for row in dict.fromkeys(map(_row, all_events())))


def _loggers(tree: ast.Module) -> Iterator[str]:
    """Name the variables that hold a logger."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and "structlog.get_logger" in ast.unparse(node.value):
            yield from map(ast.unparse, node.targets)
        if isinstance(node, ast.AnnAssign) and node.value and "structlog.get_logger" in ast.unparse(node.value):
            yield ast.unparse(node.target)


def _event(call: ast.Call, module: str) -> LogEvent:
    name = call.args[0] if call.args else None
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        msg = f"{module}:{call.lineno}: a log event is named by a literal"
        raise TypeError(msg)
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    spread = ["…"] if len(given) < len(call.keywords) else []
    assert isinstance(call.func, ast.Attribute)
    return LogEvent(
        name=name.value,
        level=LEVELS[call.func.attr],
        fields=(*(field for field in given if field not in {"next", "exc_info"}), *spread),
        next=_text(given.get("next")),
        module=module,
        line=call.lineno,
    )


def _text(value: ast.expr | None) -> str:
    """Return a literal's text; what the code computes is shown as `…`."""
    match value:
        case None:
            return ""
        case ast.Constant(value=str(text)):
            return text
        case _:
            return "…"


def _row(event: LogEvent) -> str:
    fields = ", ".join(f"`{field}`" for field in event.fields)
    return f"| `{event.name}` | {event.level} | {fields} | {event.next} | `{event.module}` |"


if __name__ == "__main__":
    CATALOGUE.write_text(catalogue(), encoding="utf-8")
