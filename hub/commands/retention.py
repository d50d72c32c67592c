"""`osr-hub retention`: delete rows older than the settings allow, in batches; it can be stopped at any time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.clock import now
from hub.commands.database import ACTOR, run_query
from hub.commands.output import print_json, print_table, progress_bar
from hub.domain.retention import Cutoffs, RetentionPeriods, cutoffs
from hub.operations.archive import Archive
from hub.operations.retention import KINDS, RetentionRun, apply

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.settings import Settings
    from hub.store.pool import Connection

REST: Final = 4.0
"""A step takes a fifth of the time, and live traffic has the database for the rest."""
app = typer.Typer()


@app.command()
def retention(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how many rows would go at most; delete nothing.")
    ] = False,
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive", metavar="DIR", file_okay=False, help="First write what goes as CSV into this folder."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Delete rows older than the retention settings allow; the ledger stays consistent."""
    kept_in = None if archive is None else Archive(archive)

    async def work(c: Connection, settings: Settings) -> tuple[Cutoffs, dict[str, int]]:
        at = now()
        before = _cutoffs(settings, at)
        with progress_bar("looking for old rows") as show:

            def tell(kind: str, n: int) -> None:
                show(0, None, f"{kind}: {n}")

            run = RetentionRun(c=c, cutoffs=before, dry=dry_run, tell=tell, archive=kept_in, rest=REST)
            return before, await apply(run, at, ACTOR)

    before, gone = run_query(work)
    if as_json:
        print_json({"dryRun": dry_run, "gone": gone})
        return
    rows = [(kind, f"{_limit(before)[kind]:%Y-%m-%d}", str(gone[kind])) for kind in KINDS]
    print_table("retention", ("what", "older than", "would go, at most" if dry_run else "gone"), rows)


def _cutoffs(settings: Settings, at: datetime) -> Cutoffs:
    kept = settings.retention
    periods = RetentionPeriods(
        register_years=kept.register_years,
        deliveries_months=kept.deliveries_months,
        attempts_days=kept.attempts_days,
        parked_days=kept.parked_days,
    )
    return cutoffs(at, periods)


def _limit(before: Cutoffs) -> Mapping[str, datetime]:
    others = {"deliveries": before.deliveries, "parked bytes": before.parked}
    recent = dict.fromkeys(("attempts", "reports"), before.attempts)
    return dict.fromkeys(KINDS, before.register) | others | recent
