"""One search for operators. In: a BRIN, branch, name, mandate, delivery, event, routing characteristic or trace.

Out: the page that was meant, or a list. And lists of deliveries by status, from the newest on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from hub.console.form_parsing import parse_id
from hub.console.operations import require_operator
from hub.console.route import PageRoute
from hub.console.schools import find_schools
from hub.console.visit import CurrentVisit, Redirect, Visit
from hub.domain.delivery import Status
from hub.observe.shown import without_receiver
from hub.store import bulk, mandates, observe, search
from hub.store import deliveries as store
from hub.store.deliveries import DeliveryFilter, DeliveryScope, DeliveryView
from hub.store.mandates import MandateFilter
from hub.store.observe import DestinationView
from hub.store.pool import Connection
from hub.store.school_deliveries import read_signals
from hub.store.search import LAST_ID, DeliverySearch
from schemas.identifiers import BRANCH, BRIN, ROUTING_ID, RoutingId, brin_of_routing_id

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_FOUND: Final = 50
PER_PAGE: Final = 50
GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "rejected": (Status.REJECTED, Status.DECLINED),
    "dead": (Status.DEAD,),
    "retrying": (Status.RETRYING,),
    "waiting": (Status.WAITING,),
    "delivered": (Status.DELIVERED, Status.IN_PROGRESS),
    "cancelled": (Status.CANCELLED,),
    "processed_with_signal": (Status.PROCESSED_WITH_SIGNAL,),
}
"""What a list of deliveries can be of."""


@dataclass(slots=True)
class SearchResult:
    """What was found, by kind."""

    deliveries: Sequence[DeliveryView] = ()
    schools: Sequence[Mapping[str, Any]] = ()
    destinations: Sequence[DestinationView] = ()
    routing: Sequence[Mapping[str, Any]] = ()
    names: Mapping[int, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether anything was found."""
        return any((self.deliveries, self.schools, self.destinations, self.routing))


@router.get("/console/search")
async def get_search(here: CurrentVisit, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Go to what was searched for, or list what fits."""
    require_operator(here)
    text = q.strip()
    found = SearchResult()
    if text:
        async with here.app.open_pool.acquire() as c:
            found = await _find(here, c, text)
    return here.show("search.html", q=text, found=found)


@router.get("/console/deliveries")
async def get_deliveries(
    here: CurrentVisit, status: str = "rejected", destination: str = "", brin: str = "", before: str = ""
) -> Response:
    """List deliveries by status, newest first."""
    require_operator(here)
    chosen = status if status in GROUPS else "rejected"
    async with here.app.open_pool.acquire() as c:
        destinations = await observe.read_destinations(c)
        wanted = DeliverySearch(
            statuses=[str(each) for each in GROUPS[chosen]],
            destination=next((each.id for each in destinations if each.name == destination), None),
            brin=brin.strip().upper() or None,
            before=parse_id(before) or LAST_ID,
        )
        found, more = await search.list_recent(c, wanted, PER_PAGE)
        signals = await read_signals(c, found)
    names = {each.id: each.shown_as for each in destinations}
    return here.show(
        "deliveries.html",
        found=[(each, signals.get((each.brin, each.destination, each.sequence), ())) for each in found],
        more=more,
        names=names,
        destinations=destinations,
        groups=list(GROUPS),
        chosen={"status": chosen, "destination": destination, "brin": wanted.brin or ""},
    )


async def _find(here: Visit, c: Connection, text: str) -> SearchResult:
    code = text.upper().replace(" ", "")
    if BRIN.pattern.fullmatch(code) and await find_schools(here, c, code, 1):
        raise Redirect(f"/console/schools/{code}")
    if BRANCH.pattern.fullmatch(code) and await find_schools(here, c, code[:4], 1):
        raise Redirect(f"/console/schools/{code[:4]}#branch-{code}")
    if ROUTING_ID.pattern.fullmatch(code):
        return SearchResult(routing=await search.routing_users(c, brin_of_routing_id(RoutingId(code)), code))
    destinations = await observe.read_destinations(c)
    names = {each.id: each.shown_as for each in destinations}
    if (given := parse_id(text)) is not None:
        return SearchResult(deliveries=await _by_id(here, c, given, destinations), names=names)
    word = text.casefold()
    return SearchResult(
        schools=await find_schools(here, c, text, MOST_FOUND),
        destinations=[each for each in destinations if word in f"{each.shown_as} {each.name}".casefold()],
    )


async def _by_id(
    here: Visit, c: Connection, given: UUID, destinations: Sequence[DestinationView]
) -> Sequence[DeliveryView]:
    """Go to the delivery, mandate or job of this id; else return the deliveries of the event or trace."""
    views = await _deliveries(c, [given], destinations)
    if views:
        raise Redirect(f"/console/deliveries/{given}")
    found = await mandates.mandate_views(c, MandateFilter(id=given), here.scope, 1)
    if found:
        raise Redirect(f"/mandaten/{found[0].mandate.brin}/{given}")
    if await bulk.read(c, given, None) is not None:
        raise Redirect(f"/console/acts/{given}")
    events = await search.find_event(c, given) or await search.events_of_trace(c, given.hex, here.at.now, MOST_FOUND)
    ids = await search.deliveries_of(c, events, [each.id for each in destinations], MOST_FOUND)
    return await _deliveries(c, ids, destinations) if ids else ()


async def _deliveries(
    c: Connection, ids: Sequence[UUID], destinations: Sequence[DestinationView]
) -> Sequence[DeliveryView]:
    wanted = DeliveryFilter(destinations=[each.id for each in destinations], ids=ids)
    everything = DeliveryScope(everything=True)
    return await store.list_deliveries(c, wanted, everything, without_receiver(destinations), MOST_FOUND)
