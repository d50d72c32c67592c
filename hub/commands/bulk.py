"""`osr-hub replay`, `osr-hub cancel-many`: an operator's buttons for many deliveries, with a dry run that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import bulk
from hub.api.bulk_models import CancellationWish, ReplayWish, preview_cancellation, preview_replay
from hub.clock import now
from hub.commands.acts import Json, TokenFile, follow, identify, show, show_act
from hub.commands.asking import WHY, ask, press
from hub.commands.choosing import Statuses, read_filters
from hub.domain.bulk import BulkState, why_another
from hub.domain.ids import new_id
from hub.errors import NotAllowed
from hub.operate import Press
from hub.store.people import Ours

if TYPE_CHECKING:
    from pathlib import Path

    from hub.api.bulk_models import BulkWish
    from hub.bulk import Preview
    from hub.settings import Settings
    from hub.store.bulk import Act
    from hub.store.pool import Connection

app = typer.Typer()
Destination = Annotated[str | None, typer.Option(help="Such as duo:rio; `osr-hub lag` names them.")]
Brins = Annotated[list[str] | None, typer.Option("--brin", help="A school; may be repeated.")]
Mandates = Annotated[list[str] | None, typer.Option("--mandate", help="A mandate's id; may be repeated.")]
Deliveries = Annotated[list[str] | None, typer.Option("--delivery", help="A delivery's id; may be repeated.")]
From = Annotated[str | None, typer.Option("--from", help="Planned since, such as 2026-11-23T09:00:00Z.")]
To = Annotated[str | None, typer.Option("--to", help="Planned until.")]
Reason = Annotated[str | None, WHY]
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
    follow_it: Annotated[bool, typer.Option("--follow/--no-follow", help="Show on a terminal how it gets on.")] = True,
    as_json: Json = False,
) -> None:
    """Send the current state of what is chosen, once per unit; old messages are never sent again."""
    filters = _filters(destination, brin, mandate, delivery, status) | {"from": since, "to": until}
    wish = read_filters(ReplayWish, filters | {"ratePerSecond": rate, "reason": reason, "dryRun": dry_run})
    if dry_run:
        show(preview_replay(wish, *_foresee(wish, token_file)), as_json=as_json)
        return
    _begin(wish, token_file, is_followed=follow_it, as_json=as_json)


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
    """Cancel what waits of what is chosen, ends of mandates too; their lanes go on without it."""
    filters = _filters(destination, brin, mandate, delivery, status) | {"from": since, "to": until}
    wish = read_filters(CancellationWish, filters | {"reason": reason, "dryRun": dry_run})
    if dry_run:
        show(preview_cancellation(wish, *_foresee(wish, token_file)), as_json=as_json)
        return
    _begin(wish, token_file, is_followed=True, as_json=as_json)


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


def _foresee(wish: BulkWish, token_file: Path | None) -> tuple[Preview, int]:
    async def look(c: Connection, settings: Settings) -> tuple[Preview, int]:
        actor = await identify(settings, token_file)
        found = await bulk.preview(c, wish.to_wanted(), new_id(now()), actor)
        return found, settings.operations.four_eyes_above

    return ask(look)


def _begin(wish: BulkWish, token_file: Path | None, *, is_followed: bool, as_json: bool) -> None:
    async def work(c: Connection, settings: Settings) -> Act:
        actor = await identify(settings, token_file)
        above = settings.operations.four_eyes_above
        act = await bulk.ask(c, wish.to_wanted(), Press(actor=actor, at=now(), reason=wish.reason), above)
        if act.state is BulkState.AWAITING_APPROVAL and actor is Ours.COMMAND_LINE:
            raise NotAllowed(
                f"{why_another(act.todo, act.before)} (above {above}), so two people are needed, and nobody knows who "
                "asks: give --token-file with a token of yours"
            )
        return act

    act = press(work, ())
    if is_followed and not as_json:
        act = follow(act)
    show_act(act, as_json=as_json)
