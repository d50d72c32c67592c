"""Forms that are not lost and act once. In: a form. Out: what it did, or a page that shows it again at an address.

Every form ends in a redirect, so that going back and reloading never ask to send it again. A form that is not accepted
is kept with the session; the page that shows it again tries it once more and takes back what it did, to say what is
wrong by the same rules. A form carries a token: pressed twice, it acts once, and both lead to the same page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hub.console.form_parsing import merge_errors
from hub.console.forms import FormData, FormError
from hub.errors import Conflict, InvalidInput, PreconditionFailed, TooLarge
from hub.store import page_forms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import Response

    from hub.console.visit import Visit
    from hub.errors import HubError
    from hub.store.pool import Connection

KEPT: Final = "concept"
"""The parameter of an address with the token of a kept form."""
ONCE: Final = "once"
MAX_KEPT_BYTES: Final = 65_536
_TOKEN: Final = re.compile(r"[\w-]{16,64}")
_NOT_KEPT: Final = ("secret", ONCE)


class NotAccepted(Exception):  # noqa: N818 - it is no error: the form goes on at another page
    """A form is complete, but has to be confirmed at the page of this path; `fault` is why it was not, if it was."""

    def __init__(self, path: str, fault: HubError | None = None) -> None:
        self.path = path
        self.fault = fault
        super().__init__(path)


async def accept(here: Visit, c: Connection, form: FormData, path: str, act: Callable[[], Awaitable[str]]) -> Response:
    """Do once what a form asks for, and redirect to where that leads; if refused, keep it and redirect to `path`."""
    session, token = here.session_id, _once(form)
    try:
        async with c.transaction():
            if token and not await page_forms.claim(c, session, token, here.at.now):
                location = await page_forms.location(c, session, token)
            else:
                location = await act()
                if token:
                    await page_forms.finish(c, session, token, location)
    except NotAccepted as goes_on:
        return await keep(here, c, form, goes_on.path)
    except (InvalidInput, Conflict, PreconditionFailed):
        return await keep(here, c, form, path)
    here.notify("events")
    return here.go(location or path)


async def accept_parts(
    here: Visit, c: Connection, form: FormData, path: str, act: Callable[[], Awaitable[str]]
) -> Response:
    """Do once what a form asks for in several transactions, and redirect to where that leads.

    Its token is claimed first: what a killed process left undone needs a fresh form.
    """
    session, token = here.session_id, _once(form)
    if token and not await page_forms.claim(c, session, token, here.at.now):
        return here.go(await page_forms.location(c, session, token) or path)
    location = await act()
    if token:
        await page_forms.finish(c, session, token, location)
    return here.go(location)


async def attempt(c: Connection, act: Callable[[], Awaitable[str]]) -> None:
    """Try a form and take back what it did; raise what is wrong with it."""
    trial = c.transaction()
    await trial.start()
    try:
        await act()
    finally:
        await trial.rollback()


async def find_faults(
    here: Visit, c: Connection, faults: list[FormError], act: Callable[[], Awaitable[str]]
) -> list[FormError]:
    """Try a kept form, take back what it did, and return its own errors with those of the use case."""
    try:
        await attempt(c, act)
    except (InvalidInput, Conflict, PreconditionFailed) as fault:
        return merge_errors(faults, fault, here.words)
    return faults


async def keep(here: Visit, c: Connection, form: FormData, path: str) -> Response:
    """Keep a form, and redirect to a page that shows it."""
    fields = {name: texts for name, texts in form.fields.items() if name not in _NOT_KEPT}
    if sum(len(name) + len(text) for name, texts in fields.items() for text in texts) > MAX_KEPT_BYTES:
        raise TooLarge
    token = await page_forms.keep(c, here.session_id, fields, here.at.now)
    return here.go(f"{path}{'&' if '?' in path else '?'}{KEPT}={token}")


async def read_kept(here: Visit, c: Connection) -> FormData | None:
    """Return the form that the address names, if this session has it."""
    token = here.request.query_params.get(KEPT, "")
    if not _TOKEN.fullmatch(token):
        return None
    fields = await page_forms.read(c, here.session_id, token)
    return None if fields is None else FormData(fields)


def _once(form: FormData) -> str:
    token = form.text(ONCE)
    return token if _TOKEN.fullmatch(token) else ""
