"""`osr-hub replay`, `osr-hub cancel-many`: start a bulk job; a dry run only counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.access import Actor
from hub.access.rules import require_identified
from hub.clock import now
from hub.commands.acts import Json, follow, print_bulk, print_job
from hub.commands.database import run_change, run_query
from hub.commands.operator import TokenFile, identify_operator
from hub.commands.options import REASON_OPTION, From, Statuses, To, read_filters
from hub.commands.remote import remote_hub
from hub.domain.bulk import BulkState, approval_reason
from hub.domain.ids import new_id
from hub.operations import bulk
from hub.views.bulk import (
    CancellationBody,
    CancellationRequest,
    ReplayBody,
    ReplayRequest,
    preview_cancellation,
    preview_replay,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hub.operations.bulk import BulkPreview
    from hub.settings import Settings
    from hub.store.bulk import BulkJob
    from hub.store.pool import Connection
    from hub.views.bulk import BulkRequest

app = typer.Typer()
Destination = Annotated[str | None, typer.Option(help="Such as duo:rio; `osr-hub lag` names them.")]
Brins = Annotated[list[str] | None, typer.Option("--brin", help="A school; may be repeated.")]
Mandates = Annotated[list[str] | None, typer.Option("--mandate", help="A mandate's id; may be repeated.")]
Deliveries = Annotated[list[str] | None, typer.Option("--delivery", help="A delivery's id; may be repeated.")]
Reason = Annotated[str | None, REASON_OPTION]
Rate = Annotated[int | None, typer.Option("--rate", help="At most so many deliveries in a second.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count and show samples; change nothing.")]


@app.command()
def replay(  # noqa: PLR0913 - one parameter per filter
    *,
    destination: Destination = None,
    brin: Brins = None,
    mandate: Mandates = None,
    delivery: Deliveries = None,
    status: Statuses = None,
    since: From = None,
    until: To = None,
    rate: Rate = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    token_file: TokenFile = None,
    follow_it: Annotated[bool, typer.Option("--follow/--no-follow", help="Show its progress on a terminal.")] = True,
    as_json: Json = False,
) -> None:
    """Send the current state of the selected units, once per unit; old messages are never repeated."""
    filters = _filters(destination, brin, mandate, delivery, status) | {"from": since, "to": until}
    request = read_filters(ReplayRequest, filters | {"ratePerSecond": rate, "reason": reason, "dryRun": dry_run})
    if (remote := remote_hub(token_file)) is not None:
        print_bulk(ReplayBody.model_validate(remote.post("replays", **_asked(request))), as_json=as_json)
        return
    if dry_run:
        print_bulk(preview_replay(request, *_preview(request, token_file)), as_json=as_json)
        return
    _begin(request, token_file, is_followed=follow_it, as_json=as_json)


@app.command("cancel-many")
def cancel_many(  # noqa: PLR0913 - one parameter per filter
    *,
    destination: Destination = None,
    brin: Brins = None,
    mandate: Mandates = None,
    delivery: Deliveries = None,
    status: Statuses = None,
    since: From = None,
    until: To = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Cancel selected deliveries that wait, ends of mandates too; their lanes go on."""
    filters = _filters(destination, brin, mandate, delivery, status) | {"from": since, "to": until}
    request = read_filters(CancellationRequest, filters | {"reason": reason, "dryRun": dry_run})
    if (remote := remote_hub(token_file)) is not None:
        print_bulk(CancellationBody.model_validate(remote.post("cancellations", **_asked(request))), as_json=as_json)
        return
    if dry_run:
        print_bulk(preview_cancellation(request, *_preview(request, token_file)), as_json=as_json)
        return
    _begin(request, token_file, is_followed=True, as_json=as_json)


def _filters(
    destination: str | None,
    brin: list[str] | None,
    mandate: list[str] | None,
    delivery: list[str] | None,
    status: list[str] | None,
) -> dict[str, Any]:
    return {
        "destination": destination,
        "brins": brin,
        "mandateIds": mandate,
        "deliveryIds": delivery,
        "statuses": status,
    }


def _asked(request: BulkRequest) -> dict[str, Any]:
    """Return what was given of a request, as the API reads it."""
    return request.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _preview(request: BulkRequest, token_file: Path | None) -> tuple[BulkPreview, int]:
    async def look(c: Connection, settings: Settings) -> tuple[BulkPreview, int]:
        caller = await identify_operator(settings, token_file)
        found = await bulk.preview(c, request.to_job_request(), new_id(now()), caller.subject)
        return found, settings.operations.four_eyes_above

    return run_query(look)


def _begin(request: BulkRequest, token_file: Path | None, *, is_followed: bool, as_json: bool) -> None:
    async def work(c: Connection, settings: Settings) -> BulkJob:
        caller = await identify_operator(settings, token_file)
        above = settings.operations.four_eyes_above
        act = await bulk.submit(
            c, request.to_job_request(), Actor(caller=caller, at=now(), reason=request.reason), above
        )
        if act.state is BulkState.AWAITING_APPROVAL:
            why = f"{approval_reason(act.todo, act.before)} (above {above}), so two people are needed"
            require_identified(caller, f"{why}, and no token says who asks")
        return act

    act = run_change(work, ())
    if is_followed and not as_json:
        act = follow(act)
    print_job(act, as_json=as_json)
