"""What every call on mandates works with. In: a request. Out: a desk: connection, moment, caller."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from hub import administer
from hub.administer import Hand
from hub.api.auth import CallerHere
from hub.api.mandate_models import MandateBody, show
from hub.api.preconditions import check_match, etag
from hub.api.wiring import ConnectionHere, NowHere, Rings, RingsHere
from hub.domain.mandate import Mandate
from hub.register import Moment, moment
from hub.store.pool import Connection
from hub.tokens import Caller
from hub.tracing import current_traceparent


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The parts that one call needs."""

    c: Connection
    hand: Hand
    rings: Rings

    @property
    def at(self) -> Moment:
        """The moment of the call."""
        return self.hand.at

    @property
    def caller(self) -> Caller:
        """Who calls."""
        return self.hand.caller

    async def own(self, mandate_id: UUID, if_match: str | None, *, required: bool = False) -> Mandate:
        """Read a mandate that the caller may change, in the version that it says it changes."""
        found = (await administer.own(self.c, self.hand, mandate_id)).mandate
        check_match(if_match, found.version, required=required)
        return found

    @asynccontextmanager
    async def change(self) -> AsyncIterator[None]:
        """Do what is inside in one transaction, and let the relay know when it is committed."""
        async with self.c.transaction():
            yield
        self.rings.ring("events")

    async def answer(self, mandate_id: UUID, response: Response) -> MandateBody:
        """Show a mandate as it is now, with its ETag."""
        view = await administer.look(self.c, self.hand, mandate_id)
        response.headers["ETag"] = etag(view.mandate.version)
        return show(view, self.at.today)


def _desk(c: ConnectionHere, now: NowHere, caller: CallerHere, rings: RingsHere) -> Desk:
    return Desk(c=c, hand=Hand(caller=caller, at=moment(now, current_traceparent())), rings=rings)


DeskHere = Annotated[Desk, Depends(_desk, scope="function")]
