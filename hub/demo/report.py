"""Prints the result. In: the API's answers. Out: tables.

Per destination: how many messages were taken and processed, and how long each hop took. Per school, branch and service:
what was sent, by which routing characteristic, and its status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from hub.demo.cases import Case

Body = dict[str, Any]

HOPS: Final = ("publish", "plan", "transport", "processing")
TAKEN: Final = (
    "delivered",
    "in_progress",
    "processed",
    "processed_with_signal",
    "activated",
    "rejected",
    "declined",
    "superseded",
)
COUNTS: Final = (
    ("taken", TAKEN),
    ("processed", ("processed", "activated")),
    ("with signal", ("processed_with_signal",)),
    ("rejected", ("rejected", "declined")),
    ("no answer due", ("delivered", "superseded")),
    ("waiting", ("waiting", "retrying")),
)
GOOD: Final = frozenset({"processed", "activated", "delivered"})
BAD: Final = frozenset({"rejected", "declined", "dead"})
NOTHING: Final = "–"  # noqa: RUF001 - tables show a dash for nothing


def show_destinations(console: Console, books: Body, lag: Body) -> None:
    """Print one line per destination: messages by status, and the median and 99th percentile of each hop."""
    hops = {one["destination"]: one["hops"] for one in lag["destinations"]}
    table = _table("Per destination: messages, and seconds per hop (half / 99 of 100 within)")
    for name in ("destination", *(name for name, _ in COUNTS), *HOPS):
        table.add_column(name, justify="left" if name == "destination" else "right")
    for row in books["destinations"]:
        if row["planned"]:
            counts = (f"{sum(row.get(status, 0) for status in statuses):,}" for _, statuses in COUNTS)
            table.add_row(row["destination"], *counts, *_hops(hops.get(row["destination"], {})))
    console.print(table)


def show_school(console: Console, school: Body, title: str) -> None:
    """Print one school: per branch and service what was sent, how, and its status."""
    table = _table(f"{school['brin']} {school['name']}: {title}")
    for name in ("branch", "service", "system", "sent to", "routing", "status", *HOPS, "remarks"):
        table.add_column(name, justify="right" if name in HOPS else "left", no_wrap=name != "remarks")
    for branch in school["branches"]:
        for number, cell in enumerate(branch["cells"]):
            name = branch["branch"] if number == 0 else ""
            table.add_row(name, *_cell(cell), end_section=number == len(branch["cells"]) - 1)
    console.print(table)


def show_case(console: Console, case: Case) -> None:
    """Print one change and its result."""
    console.print(f"• {case.title}", style="bold", highlight=False)
    for line in case.lines:
        console.print(f"    {line}", highlight=False)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", header_style="dim", pad_edge=False)


def _hops(hops: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for hop in HOPS:
        found = hops.get(hop) or {}
        yield f"{_seconds(found.get('p50'))} / {_seconds(found.get('p99'))}" if found else NOTHING


def _cell(cell: Body) -> tuple[str, ...]:
    hops = cell["hops"] or {}
    return (
        cell["serviceCode"],
        f"{cell['systemName']}{'' if cell['mandateState'] == 'active' else ' (' + cell['mandateState'] + ')'}",
        cell["destination"].partition(":")[0] + ":" + cell["destination"].partition(":")[2][-8:],
        (cell["routingId"] or NOTHING)[-9:],
        _status(cell),
        *(_seconds(hops.get(f"{hop}Seconds")) for hop in HOPS),
        " · ".join(f"{signal['code']} {signal['text']}" for signal in cell["signals"]),
    )


def _status(cell: Body) -> str:
    if cell["coverage"] == "needs_routing":
        return "[yellow]needs routing[/yellow]"
    status = cell["status"] or NOTHING
    colour = "green" if status in GOOD else "red" if status in BAD else "yellow"
    return f"[{colour}]{status.replace('_', ' ')}[/{colour}]"


def _seconds(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"
