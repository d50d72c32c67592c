"""`osr-hub delivery ID`: all that happened to one delivery, its neighbours in the lane, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from hub.commands.database import run_query
from hub.commands.operator import TokenFile
from hub.commands.output import local_time, print_json, print_line, print_table
from hub.commands.remote import remote_hub
from hub.domain.next_step import next_step
from hub.domain.says import age
from hub.envelopes import envelope_defaults, forwarded_message
from hub.errors import NotFound
from hub.observe.shown import without_receiver
from hub.store import deliveries as store
from hub.store import ledger, observe
from hub.store.deliveries import DeliveryFilter, DeliveryScope
from hub.views.deliveries import (
    DeliveryBody,
    DeliveryDetailBody,
    show_attempts,
    show_delivery,
    show_detail,
    show_reports,
)
from hub.views.models import Items
from hub.views.timeline import shown_timeline, timeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.commands.remote import RemoteHub
    from hub.settings import Settings
    from hub.store.deliveries import DeliveryView
    from hub.store.observe import DestinationView
    from hub.store.pool import Connection
    from hub.views.deliveries import AttemptBody, ReportBody
    from hub.views.timeline import TimelineStep

EVERYTHING: Final = DeliveryScope(everything=True)
NEIGHBOURS: Final = 3
STEPS: Final = {
    "step_recorded": "the change was recorded",
    "step_planned": "planned",
    "step_published": "published",
    "step_delivered": "taken",
    "step_retry": "failed, to be tried again",
    "step_refused": "refused",
    "step_gone": "refused for good: the receiver is gone",
    "step_report": "reported",
    "step_report_kept": "reported, without effect",
}
TIMELINE_COLUMNS = ("at", "after", "what", "details")
LANE_COLUMNS = ("", "number", "status", "unit", "type", "id")
app = typer.Typer()


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryHistory:
    """A delivery with its history and its neighbours, as the terminal shows it."""

    body: DeliveryDetailBody
    shown_as: str
    steps: Sequence[TimelineStep]
    lane: Sequence[DeliveryBody]


@app.command()
def delivery(
    delivery_id: Annotated[UUID, typer.Argument(help="As `osr-hub deliveries` shows it.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it.")] = False,
    token_file: TokenFile = None,
) -> None:
    """Show what happened to a delivery, hop by hop, and what to do next."""
    remote = remote_hub(token_file)
    if remote is None:
        found = run_query(lambda c, settings: _read(c, settings, delivery_id, with_message=as_json))
    else:
        found = _ask(remote, delivery_id)
    if as_json:
        print_json(found.body)
    else:
        _print(found)


async def _read(c: Connection, settings: Settings, delivery_id: UUID, *, with_message: bool) -> DeliveryHistory:
    destinations = await observe.read_destinations(c)
    held = without_receiver(destinations)
    one = DeliveryFilter(destinations=[each.id for each in destinations], ids=[delivery_id])
    views = await store.list_deliveries(c, one, EVERYTHING, held, 1)
    if not views:
        raise NotFound(f"no delivery {delivery_id}", next_step="`osr-hub deliveries` lists them.")
    view = views[0]
    destination = next(each for each in destinations if each.id == view.destination)
    epoch = await ledger.epoch(c)
    attempts = show_attempts(view, await store.attempts(c, view))
    reports = show_reports(view, await store.reports(c, view), with_texts=True)
    shown = show_delivery(view, destination, epoch, with_url=True, with_words=True)
    message = await _message(c, settings, delivery_id, epoch) if with_message else b"{}"
    return DeliveryHistory(
        body=show_detail(shown, message, attempts, reports, published_at=view.moments.published_at),
        shown_as=destination.shown_as,
        steps=timeline(view, attempts, reports),
        lane=await _read_lane(c, view, destination, held),
    )


def _ask(remote: RemoteHub, delivery_id: UUID) -> DeliveryHistory:
    """Ask the API for the same."""
    body = DeliveryDetailBody.model_validate(remote.get("deliveries", delivery_id))
    after = max(body.sequence - NEIGHBOURS - 1, 0)
    near = {"destination": body.destination, "brin": body.brin, "afterSequence": after, "limit": 2 * NEIGHBOURS + 1}
    return DeliveryHistory(
        body=body,
        shown_as=remote.get("destinations", body.destination)["shownAs"],
        steps=shown_timeline(body),
        lane=Items[DeliveryBody].model_validate(remote.get("deliveries", **near)).items,
    )


async def _message(c: Connection, settings: Settings, delivery_id: UUID, epoch: int) -> bytes:
    row, previous = (await store.read_messages(c, [delivery_id]))[0]
    return forwarded_message(row, previous, envelope_defaults(settings.oin, settings.http.address, epoch))


async def _read_lane(
    c: Connection, view: DeliveryView, destination: DestinationView, held: frozenset[int]
) -> list[DeliveryBody]:
    near = DeliveryFilter(
        destinations=[view.destination], brin=view.brin, after_sequence=max(view.sequence - NEIGHBOURS - 1, 0)
    )
    found = await store.list_deliveries(c, near, EVERYTHING, held, 2 * NEIGHBOURS + 1)
    epoch = await ledger.epoch(c)
    return [show_delivery(each, destination, epoch, with_url=True, with_words=True) for each in found]


def _print(found: DeliveryHistory) -> None:
    for line in _head(found.body, found.shown_as):
        print_line(line)
    print_line("")
    print_table("what happened", TIMELINE_COLUMNS, [_step(step) for step in found.steps])
    print_line("")
    rows = [_neighbour(each, found.body.id) for each in found.lane]
    print_table(f"the lane of {found.body.brin}", LANE_COLUMNS, rows)
    print_line("")
    print_line(f"What to do: {_next_step(found.body)}")


def _head(body: DeliveryDetailBody, shown_as: str) -> Iterator[str]:
    unit = f"branch {body.branch}" if body.branch else "the rest of the school"
    yield f"{body.id}: {body.status.replace('_', ' ')}{f' ({body.reason})' if body.reason else ''}"
    yield f"to {body.destination} ({shown_as}), {body.service_code} of school {body.brin}, {unit}"
    about = f"mandate {body.mandate_id} version {body.mandate_version}"
    yield f"{_kind(body.type)}, {about}, number {body.sequence} of its lane"
    if body.due_at is not None:
        yield f"tried next at {local_time(body.due_at)}"
    if body.replay_of is not None:
        yield f"it repeats {body.replay_of}"
    where = body.transport
    if where.offset is not None:
        yield f"in topic {where.topic}, partition {where.partition}, offset {where.offset}"
    elif where.url:
        yield f"at {where.url}"


def _step(step: TimelineStep) -> tuple[str, ...]:
    details = _attempt(step.attempt) if step.attempt else _report(step.report) if step.report else ""
    after = "" if step.seconds is None else f"+ {age(step.seconds)}"
    return local_time(step.at), after, STEPS[step.key], details


def _attempt(attempt: AttemptBody) -> str:
    said = [f"attempt {attempt.number}"]
    if attempt.http_status is not None:
        said.append(f"answered {attempt.http_status}")
    elif attempt.error:
        said.append(attempt.error)
    if attempt.duration_ms is not None:
        said.append(f"took {attempt.duration_ms} ms")
    return ", ".join(said) + (f": {attempt.answer}" if attempt.answer else "")


def _report(report: ReportBody) -> str:
    signals = "; ".join(
        " ".join(str(signal[name]) for name in ("kind", "code", "text") if signal.get(name))
        for signal in report.signals
    )
    return report.status.replace("_", " ") + (f": {signals}" if signals else "")


def _neighbour(each: DeliveryBody, own: UUID) -> tuple[str, ...]:
    mark = ">" if each.id == own else ""
    return mark, str(each.sequence), each.status, each.branch or "rest", _kind(each.type), str(each.id)


def _kind(event_type: str) -> str:
    return event_type.split(".")[3]


def _next_step(body: DeliveryDetailBody) -> str:
    return next_step(
        body.status,
        body.reason,
        delivery_id=body.id,
        destination=body.destination,
        brin=body.brin,
        expects_report=body.expects == "report",
    )
