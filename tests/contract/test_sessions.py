"""Sessions on the pages: how a session ends, and what outlives it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from joserfc.jwk import ECKey

from tests.support.api.school_calls import fill_register
from tests.support.pages.login_scene import opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.pages.login_scene import Scene


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    """Give a hub with a login."""
    async with pool.acquire() as c:
        await fill_register(c)
    async with opened(pool, tmp_path) as scene:
        yield scene


async def test_a_login_starts_a_new_session_and_ends_the_old_one(scene: Scene) -> None:
    """A secret that was set before the login, by somebody else, is worth nothing after it."""
    visitor = scene.visitor()
    visitor.cookies["osr_hub_session"] = "chosen-by-somebody-else"
    await scene.log_in(visitor, "sanne")
    first = visitor.cookies["osr_hub_session"]
    assert first != "chosen-by-somebody-else"
    await scene.log_in(visitor, "ria")
    assert visitor.cookies["osr_hub_session"] != first
    stolen = scene.visitor()
    stolen.cookies["osr_hub_session"] = first
    assert (await stolen.get("/mandaten")).status == 303
    assert await scene.sessions() == 1


async def test_a_session_ends_when_nobody_uses_it_and_at_its_last_hour(scene: Scene) -> None:
    """Thirty minutes without a visit, or ten hours after the login; a page that refreshes itself is no visit."""
    visitor = scene.visitor()
    await scene.log_in(visitor, "ria")
    for minutes in range(29, 595, 29):
        scene.clock.ahead = timedelta(minutes=minutes)
        assert (await visitor.get("/console")).status == 200, minutes
    scene.clock.ahead = timedelta(hours=10, minutes=1)
    assert (await visitor.get("/console")).status == 303
    await scene.log_in(visitor, "ria")
    for _ in range(4):
        scene.clock.ahead += timedelta(minutes=9)
        answer = await visitor.get("/console/live")
    assert answer.status == 401


async def test_staying_logged_in_is_asked_for(scene: Scene) -> None:
    """The page knows how long the session lasts, and one call makes it last longer."""
    visitor = scene.visitor()
    await scene.log_in(visitor, "ria")
    scene.clock.ahead = timedelta(minutes=26)
    assert int((await visitor.get("/login/keep/live")).body) <= 240
    assert int((await visitor.get("/login/keep")).body) > 1700
    assert int((await visitor.get("/login/keep/live")).body) > 1700
    scene.clock.ahead = timedelta(minutes=55)
    left = re.search(r'data-seconds="(\d+)"', await visitor.text("/console"))
    assert left is not None
    assert int(left[1]) > 1700  # the visit itself made it last longer


async def test_a_logout_ends_the_session_here_or_everywhere_and_at_the_provider(scene: Scene) -> None:
    """A cookie that was stolen before it is worth nothing afterwards."""
    office, home, thief = scene.visitor(), scene.visitor(), scene.visitor()
    for visitor in (office, home):
        await scene.log_in(visitor, "sanne")
    thief.cookies = dict(office.cookies)
    await office.text("/logout")
    out = await office.post("/logout", {"where": "here"})
    assert out.headers["location"].startswith(f"{scene.provider.issuer}/logout?")
    assert "id_token_hint=" in out.headers["location"]
    assert (await thief.get("/mandaten/18DS")).status == 303
    assert (await home.get("/mandaten/18DS")).status == 200
    await scene.log_in(office, "sanne")
    await office.text("/logout")
    await office.post("/logout", {"where": "everywhere"})
    assert (await home.get("/mandaten/18DS")).status == 303
    assert "U bent uitgelogd" in await office.text("/logout")


async def test_a_logout_at_the_provider_ends_the_sessions_here(scene: Scene) -> None:
    """The provider posts a logout token; an ID token, or one of another signer, ends nothing."""
    office, home = scene.visitor(), scene.visitor()
    for visitor in (office, home):
        await scene.log_in(visitor, "sanne")
    other = replace(scene.provider, key=ECKey.generate_key("P-256", {"kid": "other"}))
    wrong = (
        other.logout_token(subject="sanne"),
        scene.provider._sign({"sub": "sanne"}, "JWT"),  # noqa: SLF001 - a token of another purpose
        "nonsense",
    )
    for token in wrong:
        assert (await scene.visitor().post("/login/backchannel", {"logout_token": token})).status == 400
    assert await scene.sessions() == 2
    one = await scene.pool.fetchval("select issuer_session from sessions limit 1")
    token = scene.provider.logout_token(session=one)
    assert (await scene.visitor().post("/login/backchannel", {"logout_token": token})).status == 200
    assert await scene.sessions() == 1
    token = scene.provider.logout_token(subject="sanne")
    assert (await scene.visitor().post("/login/backchannel", {"logout_token": token})).status == 200
    assert await scene.sessions() == 0


async def test_a_form_that_outlived_its_session_is_kept(scene: Scene) -> None:
    """After a new login the same fields are sent again, and only then something changes."""
    visitor = scene.visitor()
    await scene.log_in(visitor, "sanne")
    await visitor.text("/mandaten/18DS/nieuw?service=VVA")
    form: dict[str, object] = {"service": "VVA", "system": "00000099000000001000", "start": "morgen <b>", "end": ""}
    scene.clock.ahead = timedelta(minutes=31)
    kept = await visitor.post("/mandaten/18DS/nieuw", form)
    assert kept.status == 401
    assert 'value="morgen &lt;b&gt;"' in kept.body.decode()
    assert "English" not in kept.body.decode()  # the other language is another request, which would lose the form
    await scene.log_in(visitor, "sanne")
    again = await visitor.post("/mandaten/18DS/nieuw", form)
    assert (again.status, 'value="morgen &lt;b&gt;"' in again.body.decode()) == (403, True)
    sent = await visitor.post("/mandaten/18DS/nieuw", form)
    assert (sent.status, "Schrijf de datum als dag-maand-jaar" in sent.body.decode()) == (200, True)
    elsewhere = await visitor.post("/mandaten/18DS/nieuw", {**form, "secret": ""}, origin="https://evil.example")
    assert (elsewhere.status, "morgen" in elsewhere.body.decode()) == (403, False)
