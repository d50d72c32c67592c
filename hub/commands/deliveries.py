"""`osr-hub deliveries`: deliveries with their destination and status."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from hub.clock import now
from hub.commands.database import run_query
from hub.commands.operator import TokenFile
from hub.commands.options import From, Statuses, To, read_filters
from hub.commands.output import local_time, print_json, print_line, print_table
from hub.commands.remote import remote_hub
from hub.observe.shown import without_receiver
from hub.store import ledger, observe
from hub.store.deliveries import DeliveryScope
from hub.store.delivery_pages import read_page
from hub.store.traces import within_trace
from hub.views.deliveries import DeliveryBody, DeliveryQuery, show_delivery
from hub.views.models import Items
from hub.views.paging import HIGHEST_LIMIT, Paging, list_fingerprint

if TYPE_CHECKING:
    from hub.settings import Settings
    from hub.store.pool import Connection

COLUMNS = ("id", "destination", "brin", "unit", "number", "type", "status", "reason", "made", "taken", "processed")
app = typer.Typer()


@app.command()
def deliveries(  # noqa: PLR0913 - one parameter per filter
    *,
    destination: Annotated[str | None, typer.Option(help="Such as duo:rio.")] = None,
    brin: Annotated[str | None, typer.Option(help="A school.")] = None,
    branch: Annotated[str | None, typer.Option(help="A branch that is a unit of its own.")] = None,
    service: Annotated[str | None, typer.Option(help="Such as VVA.")] = None,
    mandate: Annotated[str | None, typer.Option(help="A mandate's id.")] = None,
    event: Annotated[str | None, typer.Option(help="An event's id.")] = None,
    trace: Annotated[str | None, typer.Option(help="A trace's id: deliveries of the last seven days.")] = None,
    status: Statuses = None,
    since: From = None,
    until: To = None,
    after_sequence: Annotated[int | None, typer.Option(help="Only higher numbers of their lane.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=HIGHEST_LIMIT)] = 100,
    cursor: Annotated[str | None, typer.Option(help="Where an earlier page ended.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it.")] = False,
    token_file: TokenFile = None,
) -> None:
    """List deliveries in the order of their lanes."""
    asked = {
        "destination": destination,
        "brin": brin,
        "branch": branch,
        "serviceCode": service,
        "mandateId": mandate,
        "eventId": event,
        "traceId": trace,
        "status": status,
        "from": since,
        "to": until,
        "afterSequence": after_sequence,
    }
    filters = read_filters(DeliveryQuery, asked)
    remote = remote_hub(token_file)
    if remote is None:
        paging = Paging(fingerprint=list_fingerprint("/v1/deliveries"), limit=limit, cursor=cursor)
        page = run_query(lambda c, settings: _page(c, settings, filters, paging))
    else:
        page = Items[DeliveryBody].model_validate(remote.get("deliveries", limit=limit, cursor=cursor, **asked))
    _print(page, as_json=as_json)


def _print(page: Items[DeliveryBody], *, as_json: bool) -> None:
    if as_json:
        print_json(page)
        return
    print_table("deliveries", COLUMNS, [_row(each) for each in page.items])
    if page.next:
        print_line(f"there are more: --cursor {page.next}")


async def _page(c: Connection, _settings: Settings, filters: DeliveryQuery, paging: Paging) -> Items[DeliveryBody]:
    destinations = {destination.id: destination for destination in await observe.read_destinations(c)}
    epoch = await ledger.epoch(c)
    asked = filters.to_filter(list(destinations.values()), paging.after(int, str, int))
    chosen = await within_trace(c, asked, filters.trace_id, now())
    held, everything = without_receiver(destinations.values()), DeliveryScope(everything=True)
    found = await read_page(c, chosen, everything, held, paging.limit + 1)
    while not found.rows and found.through is not None:
        found = await read_page(c, replace(chosen, after=found.through), everything, held, paging.limit + 1)
    return paging.page(
        found.rows,
        lambda view: (view.destination, view.brin, view.sequence),
        lambda view: show_delivery(view, destinations[view.destination], epoch, with_url=True, with_words=True),
        found.through,
    )


def _row(each: DeliveryBody) -> tuple[str, ...]:
    moments = (each.created_at, each.delivered_at, each.processed_at)
    return (
        str(each.id),
        each.destination,
        each.brin,
        each.branch or "rest",
        str(each.sequence),
        each.type.split(".")[3],
        each.status,
        each.reason or "",
        *map(local_time, moments),
    )
