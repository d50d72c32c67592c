"""A hub with a login, and the provider behind it. In: a pool. Out: browsers that log in as people of the provider."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from pyreqwest.client import ClientBuilder

from hub.api.app import create_app
from hub.clock import now
from hub.simulators.http import serve_http
from hub.simulators.login import LoginSimulator
from tests.support.api.client import ADDRESS, Client, client_of
from tests.support.pages.form_client import FormClient
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from hub.simulators.http import Request
    from hub.store.pool import Pool
    from tests.support.api.client import Reply

CLIENT_ID = "osr-hub"
CALLBACK = f"{ADDRESS}/login/callback"


class MovableClock:
    """A clock that a test moves forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Return the time."""
        return now() + self.ahead


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A hub with a login, and the provider behind it."""

    hub: Client
    provider: LoginSimulator
    clock: MovableClock
    pool: Pool

    def visitor(self) -> FormClient:
        """Return a browser that knows nothing yet."""
        return FormClient(self.hub)

    async def log_in(self, visitor: FormClient, who: str, wanted: str = "", **changes: str | None) -> Reply:
        """Log in as a person of the provider; `changes` replace or drop fields of its answer."""
        started = await visitor.get(f"/login/start?next={wanted}")
        return await visitor.get(await self.answer_to(started, who, **changes))

    async def answer_to(self, started: Reply, who: str, **changes: str | None) -> str:
        """Return the path that the provider sends the browser to."""
        assert started.status == 303, started.body.decode()
        async with ClientBuilder().follow_redirects(enable=False).build() as client:
            answer = await client.get(f"{started.headers['location']}&user={who}").build().send()
        location = urlsplit(answer.headers["location"])
        fields = {name: values[0] for name, values in parse_qs(location.query).items()} | changes
        query = "&".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        return f"{location.path}?{query}"

    async def sessions(self) -> int:
        """Return how many sessions there are."""
        return int(await self.pool.fetchval("select count(*) from sessions"))


@asynccontextmanager
async def opened(pool: Pool, folder: Path, **settings: str) -> AsyncIterator[Scene]:
    """Serve a provider, and a hub that logs in there."""
    clock = MovableClock()
    provider = LoginSimulator(issuer="", client_id=CLIENT_ID, redirect_uris=(CALLBACK,), clock=clock)

    def answer(request: Request) -> Any:
        return provider.answer(request)

    async with serve_http(answer, "127.0.0.1", 0) as port:
        provider.issuer = f"http://127.0.0.1:{port}"
        named = {
            "LOGIN__ISSUER": f"{provider.issuer}/",
            "LOGIN__CLIENT_ID": CLIENT_ID,
            "SECRETS__KEYS": new_key(),
            **settings,
        }
        plain = client_of(folder, pool, **named)
        app = create_app(plain.app.state.shared.settings, pool, clock=clock)  # type: ignore[attr-defined]
        yield Scene(hub=Client(app=app, keyfile=plain.keyfile), provider=provider, clock=clock, pool=pool)
