"""Pages that show, before a change is made, who would be told what. In: the events of the change. Out: the page."""

from collections.abc import Awaitable, Iterable
from typing import Any

from fastapi import Response

from hub.console.visit import Visit
from hub.domain.school import School
from hub.operations.foresight import foresee
from hub.register import DatedEvent
from hub.store import register
from hub.store.pool import Connection


async def show_preview(
    here: Visit,
    c: Connection,
    template: str,
    school: School,
    events: Awaitable[Iterable[DatedEvent]],
    **shown: Any,  # noqa: ANN401 - what the page of this change shows besides
) -> Response:
    """Show the messages of a change of a school, which is worked out in the transaction that reads the receivers."""
    async with c.transaction():
        messages = await foresee(c, await events)
        names = (await register.references(c)).names
    return here.show(
        template,
        school=school,
        messages=messages,
        names=names,
        branches=school.open_branches(here.at.today),
        today=here.at.today,
        **shown,
    )
