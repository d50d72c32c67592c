"""A client of forms: keeps cookies and the CSRF token. In: a hub's client. Out: its pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.access import Role
    from tests.support.api.client import Client, Reply

FORM: Final = {"content-type": "application/x-www-form-urlencoded", "host": "hub.test"}
SECRET: Final = re.compile(r'name="secret" value="([0-9a-f]+)"')


class FormClient:
    """Keeps the cookies of one user, and the CSRF token of the last page."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.cookies: dict[str, str] = {}
        self.secret = ""

    async def get(self, path: str) -> Reply:
        """Get a page."""
        return self._keep(await self._client.call("GET", path, headers={"cookie": self._cookie}))

    async def text(self, path: str) -> str:
        """Return the text of a page that exists."""
        reply = await self.get(path)
        assert reply.status == 200, (reply.status, reply.headers)
        return reply.body.decode()

    async def ask(self, path: str, form: Mapping[str, object]) -> Reply:
        """Get a page with the fields of a form in its address; follow a redirect to an address of the same page."""
        reply = await self.get(f"{path}?{urlencode(form, doseq=True)}")
        location = reply.headers.get("location", "")
        return await self.get(location) if location.startswith(f"{path}?") else reply

    async def post(self, path: str, form: dict[str, object] | None = None, **headers: str) -> Reply:
        """Submit a form with the last page's CSRF token, unless another is given; a kept form is shown again."""
        reply = await self.submit(path, form, **headers)
        location = reply.headers.get("location", "")
        return await self.get(location) if "concept=" in location else reply

    async def submit(self, path: str, form: dict[str, object] | None = None, **headers: str) -> Reply:
        """Submit a form and return the answer itself."""
        sent = {**FORM, "cookie": self._cookie, **{name.replace("_", "-"): text for name, text in headers.items()}}
        body = urlencode({"secret": self.secret, **(form or {})}, doseq=True).encode()
        return self._keep(await self._client.call("POST", path, body, headers=sent))

    async def log_in(self, token: str, wanted: str = "") -> Reply:
        """Submit the login form."""
        return await self.post("/login/token", {"token": token, "next": wanted})

    @property
    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _keep(self, reply: Reply) -> Reply:
        for cookie in reply.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        found = SECRET.search(reply.body.decode())
        self.secret = found[1] if found else self.secret
        return reply


async def log_in_as(hub: Client, role: Role, *, brins: tuple[str, ...] = (), bges: tuple[str, ...] = ()) -> FormClient:
    """Return the client of a user who logged in and saw a page."""
    paper = FormClient(hub)
    token = hub.as_caller(role, brins=brins, bges=bges).token
    assert token is not None
    await paper.log_in(token)
    await paper.get("/login")
    return paper
