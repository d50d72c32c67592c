"""What a terminal shows of things that change: tables and sentences that fit 80 columns, once or again and again.

In: parts, among them text that others wrote. Out: the terminal, in colours that say how bad it is.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hub.errors import HubError
from schemas.text import make_visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Tone(StrEnum):
    """How bad something is, as the name of a colour."""

    PLAIN = ""
    GOOD = "green"
    LATE = "yellow"
    BAD = "bold red"
    TITLE = "bold"


@dataclass(frozen=True, slots=True)
class GridCell:
    """A text of a table."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table: its first columns hold `names` of any length, the others numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[GridCell]]
    names: int = 1


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence about something."""

    words: str
    tone: Tone = Tone.PLAIN


Part: TypeAlias = Grid | Sentence


def show(parts: Sequence[Part]) -> None:
    """Show these parts once."""
    Console().print(_render(parts))


def watch(read: Callable[[], Sequence[Part]], seconds: float) -> None:
    """Show what `read` returns, and again every so many seconds, until Ctrl-C; what fails meanwhile is shown too."""
    try:
        with Live(_render(read()), auto_refresh=False, vertical_overflow="visible") as live:

            def look() -> None:
                time.sleep(seconds)
                live.update(_render(_read(read)), refresh=True)

            repeat(look)
    except KeyboardInterrupt:
        return


def repeat(work: Callable[[], None]) -> None:
    """Do some work again and again, until Ctrl-C.

    What is pressed just when a library ends its own work may be lost on it: then this turn is the last one.
    """
    is_over = False

    def end(*_: object) -> None:
        nonlocal is_over
        is_over = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, end)
    try:
        while not is_over:
            work()
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGINT, before)


def _read(read: Callable[[], Sequence[Part]]) -> Sequence[Part]:
    try:
        return read()
    except HubError as fault:
        return [Sentence(f"{fault.detail}; it is tried again", Tone.BAD)]


def _render(parts: Sequence[Part]) -> Group:
    return Group(*(_table(part) if isinstance(part, Grid) else _sentence(part) for part in parts))


def _sentence(part: Sentence) -> Text:
    return Text(make_visible(part.words), style=part.tone)


def _table(grid: Grid) -> Padding:
    table = Table(title=Text(grid.title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for nth, name in enumerate(grid.columns):
        is_name = nth < grid.names
        table.add_column(Text(name, style="dim"), overflow="fold", no_wrap=not is_name)
        table.columns[-1].justify = "left" if is_name else "right"
    for row in grid.rows:
        table.add_row(*(Text(make_visible(cell.text), style=cell.tone) for cell in row))
    return Padding(table, (0, 0, 1, 0))
