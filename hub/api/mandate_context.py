"""What calls on mandates work with. In: a request. Out: a context: connection, actor, notifications."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from hub.access import Actor, Caller
from hub.api.auth import CallerHere
from hub.api.parameters import check_match, etag
from hub.api.state import ConnectionHere, NotificationsHere, NowHere, PendingNotifications, SettingsHere
from hub.domain.mandate import Mandate
from hub.operations import administration
from hub.register import Moment, moment
from hub.store.mandates import MandateView
from hub.store.pool import Connection
from hub.views.mandates import MandateBody, show_mandate


@dataclass(frozen=True, kw_only=True, slots=True)
class MandateContext:
    """What one call needs."""

    c: Connection
    actor: Actor
    notifications: PendingNotifications

    @property
    def at(self) -> Moment:
        """The time of the call."""
        return moment(self.actor.at)

    @property
    def caller(self) -> Caller:
        """The caller."""
        return self.actor.caller

    async def own(self, mandate_id: UUID, if_match: str | None) -> Mandate:
        """Return a mandate that the caller may change; raise unless `if_match` names its version."""
        found = (await administration.read_own(self.c, self.actor, mandate_id)).mandate
        check_match(if_match, found.version)
        return found

    @asynccontextmanager
    async def change(self) -> AsyncIterator[None]:
        """Run the block in one transaction, and notify the relay when it is committed."""
        if self.c.is_in_transaction():  # of a request with a key, which ends with its response
            yield
        else:
            async with self.c.transaction():
                yield
        self.notifications.notify("events")

    async def answer(self, mandate_id: UUID, response: Response) -> MandateBody:
        """Return the body of a mandate as it is now, and set its ETag."""
        return self.show(await administration.read_visible(self.c, self.actor, mandate_id), response)

    def show(self, view: MandateView, response: Response) -> MandateBody:
        """Return the body of a mandate, and set its ETag."""
        response.headers["ETag"] = etag(view.mandate.version)
        return show_mandate(view, self.at.today)


async def _context(
    c: ConnectionHere, now: NowHere, caller: CallerHere, notifications: NotificationsHere, settings: SettingsHere
) -> MandateContext:
    actor = Actor(caller=caller, at=now, changes_per_hour=settings.limits.changes_per_school_and_hour)
    return MandateContext(c=c, actor=actor, notifications=notifications)


MandateContextHere = Annotated[MandateContext, Depends(_context, scope="function")]
