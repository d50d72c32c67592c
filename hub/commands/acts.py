"""`osr-hub acts list|show|approve|stop`: bulk jobs, which replay or cancel many deliveries."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from hub.access import COMMAND_LINE
from hub.access.rules import require_identified
from hub.commands.database import run_change, run_query
from hub.commands.operator import TokenFile, has_token, identify_actor
from hub.commands.options import Reason
from hub.commands.output import local_time, print_json, print_line, print_table, progress_bar
from hub.commands.remote import remote_hub
from hub.commands.remote_jobs import decide_job, find_job, list_jobs
from hub.domain.bulk import BulkKind, BulkState
from hub.operations import bulk
from hub.store import bulk as store
from hub.views.bulk import BulkBody, ReplayBody, show_cancellation, show_replay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hub.access import Actor
    from hub.settings import Settings
    from hub.store.bulk import BulkJob
    from hub.store.pool import Connection

    Decision = Callable[[Connection, UUID, Actor], Awaitable[BulkJob]]

POLL_SECONDS: Final = 0.5
COLUMNS = ("id", "kind", "state", "matched", "to do", "done", "skipped", "asked", "reason")
SAMPLE = ("delivery", "destination", "brin", "unit", "mandate", "version", "sends")
app = typer.Typer(no_args_is_help=True, help="Replays and cancellations of many deliveries.")
Id = Annotated[UUID, typer.Argument(help="As `acts list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="As the API answers it.")]


@app.command("list")
def list_(*, limit: Annotated[int, typer.Option(min=1, max=1000)] = 20, token_file: TokenFile = None) -> None:
    """List replays and cancellations, newest first."""
    if (remote := remote_hub(token_file)) is not None:
        print_table("acts", COLUMNS, list_jobs(remote, limit))
        return

    async def look(c: Connection, _settings: Settings) -> list[BulkJob]:
        return [act for kind in BulkKind for act in await store.list_jobs(c, kind, None, limit)]

    found = sorted(run_query(look), key=lambda act: act.id, reverse=True)
    print_table("acts", COLUMNS, [_row(act) for act in found[:limit]])


@app.command("show")
def show_(act_id: Id, *, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Show the progress of a job."""
    if (remote := remote_hub(token_file)) is not None:
        print_bulk(find_job(remote, act_id)[1], as_json=as_json)
        return
    print_job(run_query(lambda c, _: bulk.read(c, act_id)), as_json=as_json)


@app.command()
def approve(
    act_id: Id,
    *,
    reason: Reason,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Approve a job that somebody else requested; your token identifies you."""
    if not has_token(token_file):
        require_identified(COMMAND_LINE, "two people are needed, and no token says who you are")
    if (remote := remote_hub(token_file)) is not None:
        print_bulk(decide_job(remote, act_id, "approval", reason), as_json=as_json)
        return
    _decide(bulk.approve, act_id, reason, token_file, as_json=as_json)


@app.command()
def stop(
    act_id: Id,
    *,
    reason: Reason,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Stop a job; what is done stays done."""
    if (remote := remote_hub(token_file)) is not None:
        print_bulk(decide_job(remote, act_id, "cancellation", reason), as_json=as_json)
        return
    _decide(bulk.stop, act_id, reason, token_file, as_json=as_json)


def follow(act: BulkJob) -> BulkJob:
    """On a terminal, show a job's progress until it ends; Ctrl-C leaves the job running."""
    if not sys.stdout.isatty() or act.state is not BulkState.RUNNING:
        return act
    try:
        with progress_bar(act.kind.value, is_on_output=True) as show:
            while act.state is BulkState.RUNNING:
                time.sleep(POLL_SECONDS)
                act = run_query(lambda c, _: bulk.read(c, act.id))  # noqa: B023 - asked at once
                show(act.done + act.skipped, act.todo)
    except KeyboardInterrupt:
        print_line(f"the job goes on; `osr-hub acts show {act.id}` shows its progress")
    return act


def print_job(act: BulkJob, *, as_json: bool) -> None:
    """Print a job, for people or for programs."""
    print_bulk(show_replay(act) if act.kind is BulkKind.REPLAY else show_cancellation(act), as_json=as_json)


def print_bulk(body: BulkBody, *, as_json: bool) -> None:
    """Print a preview or a job, for people or for programs."""
    if as_json:
        print_json(body)
        return
    print_line(_summary(body))
    if body.why_approval is not None:
        print_line(f"{body.why_approval[0].upper()}{body.why_approval[1:]}.")
    if body.state == "awaiting_approval":
        print_line(f"Another operator approves it: osr-hub acts approve {body.id} --token-file … --reason …")
    sample = getattr(body, "sample", ())
    if body.state in ("preview", "awaiting_approval") and sample:
        print_table("samples", SAMPLE, [_sample(each) for each in sample])


def _summary(body: BulkBody) -> str:
    name = "a dry run" if body.id is None else f"{body.id} is {body.state.replace('_', ' ')}"
    values: dict[str, Any] = dict(body)
    if isinstance(body, ReplayBody):
        said = "{matched} matched, {superseded} of them superseded by a newer state, {to_send} to send, {sent} sent"
    else:
        said = "{matched} matched, {to_cancel} to cancel ({ends} of them ends), {cancelled} cancelled"
    return f"{name}: {said.format(**values)}, {body.skipped} needed nothing any more."


def _sample(each: Any) -> tuple[str, ...]:  # noqa: ANN401 - samples of two kinds
    sends = getattr(each, "sends", "").split(".")
    return (
        str(each.delivery_id),
        each.destination,
        each.brin,
        each.branch or "rest",
        str(each.mandate_id),
        str(each.mandate_version),
        sends[3] if len(sends) > 3 else "",  # noqa: PLR2004 - nl.osr.mandate.granted.v1
    )


def _decide(decision: Decision, act_id: UUID, reason: str, token_file: Path | None, *, as_json: bool) -> None:
    async def work(c: Connection, settings: Settings) -> BulkJob:
        return await decision(c, act_id, await identify_actor(settings, token_file, reason))

    print_job(run_change(work, ()), as_json=as_json)


def _row(act: BulkJob) -> tuple[str, ...]:
    numbers = (act.matched, act.todo, act.done, act.skipped)
    return str(act.id), act.kind.value, act.state.value, *map(str, numbers), local_time(act.asked_at), act.reason
