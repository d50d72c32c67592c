"""What calls on mandates work with. In: a request. Out: a context to read in, or one to change in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from hub import register
from hub.access import Actor, Caller
from hub.api.auth import CallerHere, SchoolHere
from hub.api.parameters import check_match, etag
from hub.api.state import AppState, ConnectionHere, PendingNotifications, app_state, borrow, keyed_work
from hub.domain.mandate import Mandate
from hub.operations import administration
from hub.register import Moment, SchoolChange, moment
from hub.store.mandates import MandateView
from hub.store.pool import Connection
from hub.views.mandates import MandateBody, show_mandate


@dataclass(frozen=True, kw_only=True, slots=True)
class MandateContext:
    """What a call that reads needs."""

    c: Connection
    actor: Actor
    at: Moment

    @property
    def caller(self) -> Caller:
        """The caller."""
        return self.actor.caller

    async def answer(self, mandate_id: UUID, response: Response) -> MandateBody:
        """Return the body of a mandate as it is now, and set its ETag."""
        view = await administration.read_visible(self.c, self.actor, mandate_id)
        return show_tagged(view, self.at.today, response)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeContext:
    """What a call that changes needs; it borrows a connection for its transaction alone."""

    request: Request
    actor: Actor
    at: Moment

    @asynccontextmanager
    async def change(self) -> AsyncIterator[Connection]:
        """Run the block in one transaction, and notify the relay when it is committed.

        A request with a key has a transaction already, which ends with its response.
        """
        scope = self.request.scope
        async with borrow(self.request) as c:
            if keyed_work(scope) is None:
                async with c.transaction():
                    yield c
                app_state(scope).notifier("events").notify()
            else:
                yield c
                PendingNotifications(scope["hub.notifications"]).notify("events")

    async def make(self, change: SchoolChange) -> MandateView:
        """Make a change of one school together with those of other requests, or in the request's own transaction."""
        if keyed_work(self.request.scope) is None:
            return await app_state(self.request.scope).changes.make(change)
        async with self.change() as c:
            return await register.make(c, change)

    async def own(self, c: Connection, mandate_id: UUID, if_match: str | None) -> Mandate:
        """Return a mandate that the caller may change; raise unless `if_match` names its version."""
        found = (await administration.read_own(c, self.actor, mandate_id)).mandate
        check_match(if_match, found.version)
        return found

    def show(self, view: MandateView, response: Response) -> MandateBody:
        """Return the body of a mandate, and set its ETag."""
        return show_tagged(view, self.at.today, response)


def show_tagged(view: MandateView, today: date, response: Response) -> MandateBody:
    """Return the body of a mandate on a day, and set its ETag."""
    response.headers["ETag"] = etag(view.mandate.version)
    return show_mandate(view, today)


async def _reading(c: ConnectionHere, caller: CallerHere, request: Request) -> MandateContext:
    actor = _actor(app_state(request.scope), caller)
    return MandateContext(c=c, actor=actor, at=moment(actor.at))


async def _changing(caller: SchoolHere, request: Request) -> ChangeContext:
    actor = _actor(app_state(request.scope), caller)
    return ChangeContext(request=request, actor=actor, at=moment(actor.at))


def _actor(state: AppState, caller: Caller) -> Actor:
    most = state.settings.limits.changes_per_school_and_hour
    return Actor(caller=caller, at=state.clock(), changes_per_hour=most)


MandateContextHere = Annotated[MandateContext, Depends(_reading, scope="function")]
ChangeContextHere = Annotated[ChangeContext, Depends(_changing)]
"""Only for who administers schools."""
