"""Login by OpenID Connect: who gets in, what does not count as an answer, and how a session ends."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pyreqwest.client import ClientBuilder

from hub.api.app import create_app
from hub.clock import now
from hub.simulators.http import serve_http
from hub.simulators.login import LoginSimulator
from tests.support.api.client import ADDRESS, Client, client_of
from tests.support.api.school_calls import fill_register
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


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    """Give a hub with a login."""
    async with pool.acquire() as c:
        await fill_register(c)
    async with opened(pool, tmp_path) as scene:
        yield scene


async def test_an_administrator_logs_in_and_comes_where_they_wanted(scene: Scene) -> None:
    """By code with PKCE, state and nonce; the header says who, and for which school."""
    visitor = scene.visitor()
    first = await visitor.get("/mandaten/18DS")
    assert (first.status, first.headers["location"]) == (303, "/login?next=/mandaten/18DS")
    started = await visitor.get("/login/start?next=/mandaten/18DS")
    asked = parse_qs(urlsplit(started.headers["location"]).query)
    assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
    assert all(asked[name][0] for name in ("state", "nonce", "code_challenge"))
    entered = await visitor.get(await scene.answer_to(started, "sanne"))
    assert (entered.status, entered.headers["location"]) == (303, "/mandaten/18DS")
    flags = next(cookie for cookie in entered.cookies if cookie.startswith("osr_hub_session"))
    assert {"HttpOnly", "SameSite=lax"} <= set(flags.split("; "))
    page = await visitor.text("/mandaten/18DS")
    assert "Sanne de Vries" in page
    assert "De Boog (18DS)" in page
    assert (await visitor.get("/mandaten/00AA")).status == 404
    assert (await visitor.get("/console")).status == 303


async def test_an_operator_comes_to_the_console(scene: Scene) -> None:
    """Without a page that was asked for, the role decides on the first one."""
    visitor = scene.visitor()
    assert (await scene.log_in(visitor, "ria")).headers["location"] == "/console"
    assert "Ria Meijer" in await visitor.text("/console")


async def test_somebody_without_the_role_reads_whom_to_ask(scene: Scene) -> None:
    """The page names the beheerder Mijn DUO and DUO's desk; there is no session."""
    visitor = scene.visitor()
    page = await scene.log_in(visitor, "kim")
    text = page.body.decode()
    assert page.status == 403
    for words in ("Kim Bakker", "OSR-toegang", "beheerder Mijn DUO", "050 599 84 40", "securityservicedesk@duo.nl"):
        assert words in text
    assert await scene.sessions() == 0
    again = await visitor.get("/login/start?again")
    assert "prompt=login" in again.headers["location"]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "of-another-login"},
        {"state": None},
        {"iss": "https://other.example"},
        {"iss": None},
        {"code": "made-up"},
        {"code": None, "error": "access_denied"},
    ],
)
async def test_an_answer_that_is_not_the_answer_to_this_login_is_refused(scene: Scene, changes: dict[str, Any]) -> None:
    """Another state, another issuer or none, a code of nobody, a refusal: a page, and no session."""
    page = await scene.log_in(scene.visitor(), "sanne", **changes)
    assert (page.status, "Inloggen is niet gelukt" in page.body.decode()) == (401, True)
    assert await scene.sessions() == 0


async def test_a_login_counts_in_the_browser_that_began_it_and_once(scene: Scene) -> None:
    """Somebody else's answer, sent as a link, logs nobody in; nor does the same answer again, or one that is late."""
    visitor, victim = scene.visitor(), scene.visitor()
    answer = await scene.answer_to(await visitor.get("/login/start"), "ria")
    assert (await victim.get(answer)).status == 401
    kept = dict(visitor.cookies)
    assert (await visitor.get(answer)).status == 303
    visitor.cookies = kept
    assert (await visitor.get(answer)).status == 401
    late = await scene.answer_to(await visitor.get("/login/start"), "ria")
    scene.clock.ahead = timedelta(minutes=16)
    assert (await visitor.get(late)).status == 401
    assert await scene.sessions() == 1


async def test_a_token_with_another_nonce_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ID token of an earlier login is no answer to this one."""
    sign = LoginSimulator._sign  # noqa: SLF001 - the provider is made to cheat
    monkeypatch.setattr(
        LoginSimulator, "_sign", lambda self, claims, kind: sign(self, {**claims, "nonce": "earlier"}, kind)
    )
    assert (await scene.log_in(scene.visitor(), "sanne")).status == 401


@pytest.mark.parametrize("claims", [{"aud": "another-client"}, {"iss": "https://other.example"}, {"exp": 1}])
async def test_a_token_for_another_client_of_another_issuer_or_too_old_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, claims: dict[str, Any]
) -> None:
    """What the provider signed counts for this client, from this issuer, now."""
    sign = LoginSimulator._sign  # noqa: SLF001 - the provider is made to cheat
    monkeypatch.setattr(LoginSimulator, "_sign", lambda self, given, kind: sign(self, {**given, **claims}, kind))
    assert (await scene.log_in(scene.visitor(), "sanne")).status == 401


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
    await visitor.get("/login/keep")
    assert int((await visitor.get("/login/keep/live")).body) > 1700


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
    other = LoginSimulator(issuer=scene.provider.issuer, client_id=CLIENT_ID, redirect_uris=(), clock=now)
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
    await scene.log_in(visitor, "sanne")
    again = await visitor.post("/mandaten/18DS/nieuw", form)
    assert (again.status, 'value="morgen &lt;b&gt;"' in again.body.decode()) == (403, True)
    sent = await visitor.post("/mandaten/18DS/nieuw", form)
    assert (sent.status, "Schrijf de datum als dag-maand-jaar" in sent.body.decode()) == (400, True)
    elsewhere = await visitor.post("/mandaten/18DS/nieuw", {**form, "secret": ""}, origin="https://evil.example")
    assert (elsewhere.status, "morgen" in elsewhere.body.decode()) == (403, False)


async def test_a_provider_that_is_away_is_said_on_a_page(pool: Pool, tmp_path: Path) -> None:
    """A login that cannot begin is no error of the hub's."""
    async with opened(pool, tmp_path, LOGIN__ISSUER="http://127.0.0.1:1") as scene:
        page = await scene.visitor().get("/login/start")
    assert (page.status, "De hub is er even niet." in page.body.decode()) == (503, True)
