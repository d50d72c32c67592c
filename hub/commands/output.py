"""The only way from a command to the terminal: lines, tables, bodies for programs, progress.

In: values, among them text that others wrote. Out: standard output and standard error, where such text stays text: rich
reads no markup in it, and characters that steer a terminal are written as escapes.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

from pydantic import TypeAdapter
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from schemas.text import make_visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

COLUMN_GAP: Final = "  "
PIPE_WIDTH: Final = 160
_BEYOND_ASCII: Final = re.compile("[^\\x00-\\x7e]")


class ShowProgress(Protocol):
    """Shows how far something is."""

    def __call__(self, done: int, total: int | None = None, words: str | None = None, /) -> None:
        """Show what is done of how much, and by which words."""


def print_line(text: object, *, is_error: bool = False) -> None:
    """Print one line."""
    print(make_visible(str(text)), file=sys.stderr if is_error else sys.stdout, flush=True)


def local_time(moment: datetime | None) -> str:
    """Write a moment as the clock of this terminal shows it, with its zone."""
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def print_json(body: object) -> None:
    """Print a body as programs read it, the same as the API's; what a terminal must not get is escaped as JSON does."""
    text = TypeAdapter(type(body)).dump_json(body, by_alias=True, indent=2).decode()
    print(_BEYOND_ASCII.sub(_escape_json, text))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with lines and colours on a terminal, plain columns in a pipe."""
    shown = [[make_visible(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich_table(make_visible(title), columns, shown)
        return
    widths = [max(len(row[nth]) for row in (columns, *shown)) for nth in range(len(columns))]
    print_line(title)
    for row in (columns, *shown):
        print(COLUMN_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def progress_bar(description: str, *, is_on_output: bool = False) -> Iterator[ShowProgress]:
    """Show a bar on standard error, or on standard output; where that is no terminal, show nothing."""
    stream = sys.stdout if is_on_output else sys.stderr
    if not stream.isatty():
        yield lambda _done, _total=None, _words=None: None
        return
    with Progress(console=Console(file=stream)) as bar:
        task = bar.add_task(escape(description), total=None)

        def show(done: int, total: int | None = None, words: str | None = None) -> None:
            bar.update(task, completed=done, total=total, description=escape(make_visible(words or description)))

        yield show


def end_at_once(code: int) -> NoReturn:
    """End the process after everything is written, without Python's own clean-up.

    A thread of pyreqwest 0.15 may still be letting go of its last answer then, and now and then aborts the process.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def demo_console() -> Console:
    """Return the console on which the demo tells its story; in a pipe it is wide."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


def _print_rich_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=Text(title), title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(Text(column))
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def _escape_json(found: re.Match[str]) -> str:
    """Escape a character that is not shown; others stay as they are."""
    character = found[0]
    if make_visible(character) == character:
        return character
    return "".join(f"\\u{unit:04x}" for unit in memoryview(character.encode("utf-16-le")).cast("H"))
