"""`osr-hub retention`: what is older than the settings say is taken away, some at a time; it can be stopped at will."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from hub.clock import now
from hub.commands.asking import ACTOR, print_json, print_table, run_query
from hub.domain.retention import Cutoffs, RetentionPeriods, cutoffs
from hub.operations.retention import KINDS, RetentionRun, apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from hub.settings import Settings
    from hub.store.pool import Connection

app = typer.Typer()


@app.command()
def retention(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, at most, and take nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Take away what is older than the settings on retention say; the books stay right."""

    async def work(c: Connection, settings: Settings) -> tuple[Cutoffs, dict[str, int]]:
        at = now()
        kept = settings.retention
        before = cutoffs(
            at,
            RetentionPeriods(
                register_years=kept.register_years,
                deliveries_months=kept.deliveries_months,
                attempts_days=kept.attempts_days,
                parked_days=kept.parked_days,
            ),
        )
        with _progress() as tell:
            return before, await apply(RetentionRun(c=c, cutoffs=before, dry=dry_run, tell=tell), at, ACTOR)

    before, gone = run_query(work)
    if as_json:
        print_json({"dryRun": dry_run, "gone": gone})
        return
    rows = [(kind, f"{_limit(before)[kind]:%Y-%m-%d}", str(gone[kind])) for kind in KINDS]
    print_table("retention", ("what", "older than", "would go, at most" if dry_run else "gone"), rows)


def _limit(before: Cutoffs) -> Mapping[str, datetime]:
    others = {"deliveries": before.deliveries, "parked bytes": before.parked}
    recent = dict.fromkeys(("attempts", "reports"), before.attempts)
    return dict.fromkeys(KINDS, before.register) | others | recent


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """Tell how much went by now, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _kind, _n: None
        return
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True)) as shown:
        task = shown.add_task("looking for what is old", total=None)
        yield lambda kind, n: shown.update(task, description=f"{kind}: {n}")
