"""Login by OpenID Connect: who gets in, and what does not count as an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from hub.simulators.login import LoginSimulator
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


@pytest.mark.parametrize(
    ("wanted", "gets"),
    [
        ("/mandaten/18DS/nieuw?dienst=VVA", "/mandaten/18DS/nieuw?dienst=VVA"),
        ("/mandaten?q=a b&stand=actie", "/mandaten?q=a+b&stand=actie"),
        ("/mandaten/18DS?done=withdrawn&lang=en", "/mandaten/18DS"),
        ("/mandaten?q=//evil.example", "/mandaten?q=%2F%2Fevil.example"),
        (f"/mandaten?q={'x' * 600}", "/mandaten"),
    ],
)
async def test_what_was_asked_for_is_found_again_after_the_login(scene: Scene, wanted: str, gets: str) -> None:
    """With its question, without a message of an earlier session; what is long is dropped."""
    visitor = scene.visitor()
    first = await visitor.get(wanted)
    asked = parse_qs(urlsplit(first.headers["location"]).query)["next"][0]
    assert (await scene.log_in(visitor, "sanne", quote(asked))).headers["location"] == gets


async def test_the_header_names_a_board_in_the_language_of_the_page(scene: Scene) -> None:
    """A board without a name is told by its number; one with a name by that."""
    await scene.pool.execute("insert into boards (bge_code) values ('41676')")
    visitor = scene.visitor()
    await scene.log_in(visitor, "mark")
    assert "Mark Jansen · bestuur 41676" in await visitor.text("/mandaten?lang=nl")
    assert "Mark Jansen · board 41676" in await visitor.text("/mandaten?lang=en")
    await scene.pool.execute("update boards set name = 'Stichting 41676, Zuid' where bge_code = '41676'")
    await scene.log_in(visitor, "mark")
    assert "Mark Jansen · Stichting 41676, Zuid" in await visitor.text("/mandaten?lang=en")


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
    assert 'href="/login/no-role?lang=en"' in text
    english = await visitor.get("/login/no-role?lang=en")
    assert (english.status, "you do not have the role OSR-toegang" in english.body.decode()) == (403, True)
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


async def test_a_provider_that_is_away_is_said_on_a_page(pool: Pool, tmp_path: Path) -> None:
    """A login that cannot begin is no error of the hub's."""
    async with opened(pool, tmp_path, LOGIN__ISSUER="http://127.0.0.1:1") as scene:
        page = await scene.visitor().get("/login/start")
    assert (page.status, "De hub is er even niet." in page.body.decode()) == (503, True)
