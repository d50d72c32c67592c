"""Login of an installation: at a public https address and an issuer, without a development key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.api.app import create_app
from hub.clock import now
from hub.settings import load
from hub.simulators.http import serve_http
from hub.simulators.login import LoginSimulator
from tests.support.api.client import Client
from tests.support.api.school_calls import fill_register
from tests.support.pages.login_scene import MovableClock, Scene
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Reply

ADDRESS = "https://hub.test"


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    """Give such a hub, and the provider behind it."""
    async with pool.acquire() as c:
        await fill_register(c)
    provider = LoginSimulator(issuer="", client_id="osr-hub", redirect_uris=(f"{ADDRESS}/login/callback",), clock=now)
    async with serve_http(provider.answer, "127.0.0.1", 0) as port:
        provider.issuer = f"http://127.0.0.1:{port}"
        settings = load(
            {
                "OSR_HUB_OIN": "00000099000000009000",
                "OSR_HUB_AUTH__ISSUER": provider.issuer,
                "OSR_HUB_LOGIN__CLIENT_ID": "osr-hub",
                "OSR_HUB_SECRETS__KEYS": new_key(),
                "OSR_HUB_HTTP__PUBLIC_URL": ADDRESS,
            }
        )
        client = Client(app=create_app(settings, pool), keyfile=tmp_path / "none")
        yield Scene(hub=client, provider=provider, clock=MovableClock(), pool=pool)


def flags(reply: Reply, name: str) -> set[str]:
    """Return the flags of a cookie that an answer sets."""
    cookie = next(each for each in reply.cookies if each.startswith(f"{name}="))
    return {flag.strip().lower() for flag in cookie.split(";")[1:]}


async def test_cookies_go_over_https_only_and_to_no_script(scene: Scene) -> None:
    """That of a login that began, and that of a session."""
    visitor = scene.visitor()
    started = await visitor.get("/login/start?next=/mandaten/18DS")
    entered = await visitor.get(await scene.answer_to(started, "sanne"))
    assert entered.headers["location"] == "/mandaten/18DS"
    for reply, name in ((started, "osr_hub_login"), (entered, "osr_hub_session")):
        assert {"httponly", "secure", "samesite=lax"} <= flags(reply, name)
    assert "domain" not in str(flags(entered, "osr_hub_session"))


async def test_a_pasted_token_logs_nobody_in(scene: Scene) -> None:
    """No field for it is shown, and none is read: people go to the provider at once."""
    visitor = scene.visitor()
    page = (await visitor.text("/login")).lower()
    assert 'name="token"' not in page
    assert (await visitor.post("/login/token", {"token": "x"})).status == 404
    assert (await visitor.get("/login?next=/mandaten")).headers["location"] == "/login/start?next=/mandaten"
    assert await scene.sessions() == 0
