"""What every call on mandates works with. In: a request. Out: a desk: connection, moment, caller, audit."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response

from hub.api.auth import CallerHere
from hub.api.mandate_models import MandateBody, show
from hub.api.preconditions import check_match, etag
from hub.api.sight import sight_of
from hub.api.wiring import ConnectionHere, NowHere, Rings, RingsHere
from hub.errors import NotFound
from hub.register import Moment, moment
from hub.store import audit, mandates
from hub.store.audit import Note
from hub.store.mandates import MandateView
from hub.store.pool import Connection
from hub.tokens import Caller, Role
from hub.tracing import current_traceparent


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The parts that one call needs."""

    c: Connection
    at: Moment
    caller: Caller
    rings: Rings

    async def view(self, mandate_id: UUID) -> MandateView:
        """Read a mandate; one that the caller may not read is not there."""
        found = await mandates.mandate_view(self.c, mandate_id, sight_of(self.caller))
        if found is None:
            raise NotFound(f"no mandate {mandate_id}")
        return found

    async def own(self, mandate_id: UUID, if_match: str | None, *, required: bool = False) -> MandateView:
        """Read a mandate that the caller may change, in the version that it says it changes."""
        found = await self.view(mandate_id)
        school = found.mandate.brin in self.caller.brins or found.bge_code in self.caller.bges
        if not (school and self.caller.has(Role.SCHOOL)):
            raise NotFound(f"no mandate {mandate_id}")
        check_match(if_match, found.mandate.version, required=required)
        return found

    @asynccontextmanager
    async def change(self) -> AsyncIterator[None]:
        """Do what is inside in one transaction, and let the relay know when it is committed."""
        async with self.c.transaction():
            yield
        self.rings.ring("events")

    async def note(self, action: str, brin: str | None, subject: Mapping[str, Any], reason: str | None = None) -> None:
        """Note in the audit what the caller did."""
        note = Note(at=self.at.now, actor=self.caller.subject, action=action, brin=brin, subject=subject, reason=reason)
        await audit.write(self.c, note)

    async def answer(self, mandate_id: UUID, response: Response) -> MandateBody:
        """Show a mandate as it is now, with its ETag."""
        view = await self.view(mandate_id)
        response.headers["ETag"] = etag(view.mandate.version)
        return show(view, self.at.today)


def _desk(c: ConnectionHere, now: NowHere, caller: CallerHere, rings: RingsHere) -> Desk:
    return Desk(c=c, at=moment(now, current_traceparent()), caller=caller, rings=rings)


DeskHere = Annotated[Desk, Depends(_desk, scope="function")]
