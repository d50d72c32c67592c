"""Shows figures. In: outcomes, and those of an earlier run. Out: one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[str, str]
WORSE: Final = 0.9
"""A figure that is worse than this share of the earlier one is marked."""


def read_earlier(earlier: Mapping[str, Any]) -> dict[Key, float]:
    """Return the figures of a document by scenario and name."""
    return {
        (one["scenario"], figure["what"]): figure["value"] for one in earlier["scenarios"] for figure in one["figures"]
    }


def make_table(found: Mapping[str, Any], earlier: Mapping[Key, float] | None = None) -> Table:
    """Return the one table; with earlier figures beside it when they are given."""
    machine = found["machine"]
    title = f"{machine['cores']} x {machine['processor']}, {machine['memory']}, commit {found['commit']}"
    table = Table("scenario", "what", title=title)
    for heading in ("value", *(("earlier", "ratio") if earlier is not None else ())):
        table.add_column(heading, justify="right")
    for outcome in found["scenarios"]:
        name = outcome["scenario"]
        for at, figure in enumerate(outcome["figures"]):
            before = [] if earlier is None else _compare(figure, earlier.get((name, figure["what"])))
            table.add_row("" if at else name, figure["what"], shown(figure), *before)
        if outcome["error"]:
            table.add_row(name, f"[red]{outcome['error']}[/red]", "failed")
        table.add_section()
    return table


def shown(figure: Mapping[str, Any]) -> str:
    """Return a value with its unit, with as many digits as mean something."""
    value, unit = figure["value"], figure["unit"]
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}{unit if unit.startswith('/') else f' {unit}'.rstrip()}"


def read_shown(found: Mapping[str, Any]) -> dict[Key, str]:
    """Return the figures of a document as they are shown, by scenario and name."""
    return {(one["scenario"], figure["what"]): shown(figure) for one in found["scenarios"] for figure in one["figures"]}


def _compare(figure: Mapping[str, Any], before: float | None) -> list[str]:
    if before is None:
        return ["", ""]
    ratio = figure["value"] / before if before else float("nan")
    gain = {"higher": ratio, "lower": 1 / ratio if ratio else float("inf"), "neither": 1.0}[figure["better"]]
    words = f"{ratio:.2f}"
    return [shown({**figure, "value": before}), f"[red]{words}[/red]" if gain < WORSE else words]
