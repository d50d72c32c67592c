"""What every call on deliveries works with. In: a request. Out: a desk: who sees what, and how it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from pydantic import ConfigDict, Field

from hub.access import Caller
from hub.access.boards import own_schools
from hub.access.rules import delivery_scope, may_see_url
from hub.api.auth import CallerHere
from hub.api.state import ConnectionHere, SettingsHere
from hub.envelopes import EnvelopeDefaults, envelope_defaults
from hub.errors import NotFound
from hub.observe.shown import without_receiver
from hub.settings import Settings
from hub.store import deliveries as store
from hub.store import ledger, observe
from hub.store.deliveries import DeliveryFilter, DeliveryScope, DeliveryView
from hub.store.observe import DestinationView
from hub.store.pool import Connection
from hub.views.deliveries import DeliveryBody, show_delivery
from hub.views.models import RequestModel, RequestMoment, ShownStatus
from schemas.identifiers import BranchField, BrinField, ServiceCodeField

HIGHEST_SEQUENCE = 2**63 - 1


class DeliveryQuery(RequestModel):
    """Which deliveries are asked for."""

    model_config = ConfigDict(extra="ignore")  # the page that is asked for stands in the same place

    destination: Annotated[str | None, Field(max_length=100)] = None
    brin: BrinField | None = None
    branch: BranchField | None = None
    service_code: ServiceCodeField | None = None
    mandate_id: UUID | None = None
    event_id: UUID | None = None
    status: list[ShownStatus] = Field(default_factory=list)
    from_: Annotated[RequestMoment | None, Field(alias="from")] = None
    to: RequestMoment | None = None
    after_sequence: Annotated[int | None, Field(ge=0, le=HIGHEST_SEQUENCE)] = None

    def to_wanted(self, places: Sequence[DestinationView], after: tuple[Any, ...] | None) -> DeliveryFilter:
        """Take it over into the hub's own terms; `after` is the key (destination, BRIN, number) to go on behind."""
        return DeliveryFilter(
            destinations=[p.id for p in places if self.destination in (None, p.name)],
            brin=self.brin,
            branch=self.branch,
            service_code=self.service_code,
            mandate_id=self.mandate_id,
            event_id=self.event_id,
            statuses=[str(status) for status in self.status] or None,
            planned_from=self.from_,
            planned_until=self.to,
            after_sequence=self.after_sequence,
            after=None if after is None else (after[0], after[1], after[2]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryContext:
    """The parts that one call needs."""

    c: Connection
    caller: Caller
    settings: Settings
    places: list[DestinationView]
    reach: DeliveryScope
    epoch: int

    async def find(self, wanted: DeliveryFilter, most: int) -> list[DeliveryView]:
        """List deliveries that the caller may read."""
        return await store.list_deliveries(self.c, wanted, self.reach, without_receiver(self.places), most)

    async def one(self, delivery_id: UUID) -> DeliveryView:
        """Read a delivery; one that the caller may not read is not there."""
        wanted = DeliveryFilter(destinations=[destination.id for destination in self.places], ids=[delivery_id])
        found = await self.find(wanted, 1)
        if not found:
            raise NotFound(f"no delivery {delivery_id}")
        return found[0]

    def destination(self, view: DeliveryView) -> DestinationView:
        """Find the destination of a delivery."""
        return next(destination for destination in self.places if destination.id == view.destination)

    def show(self, view: DeliveryView) -> DeliveryBody:
        """Write a delivery as the caller may see it: where a webhook is, is for its owner and operations."""
        destination = self.destination(view)
        with_url = may_see_url(self.caller, destination.supplier_oin)
        return show_delivery(view, destination, self.epoch, with_url=with_url)

    def letterhead(self) -> EnvelopeDefaults:
        """Give what all messages of this hub have in common."""
        return envelope_defaults(self.settings.oin, self.settings.http.address, self.epoch)


async def open_context(c: ConnectionHere, caller: CallerHere, settings: SettingsHere) -> DeliveryContext:
    """Bring the parts together."""
    places = await observe.read_destinations(c)
    return DeliveryContext(
        c=c,
        caller=caller,
        settings=settings,
        places=places,
        reach=delivery_scope(caller, places, await own_schools(c, caller)),
        epoch=await ledger.epoch(c),
    )


def _query(filters: Annotated[DeliveryQuery, Query()]) -> DeliveryQuery:
    return filters


DeliveryContextHere = Annotated[DeliveryContext, Depends(open_context, scope="function")]
DeliveryQueryHere = Annotated[DeliveryQuery, Depends(_query)]
