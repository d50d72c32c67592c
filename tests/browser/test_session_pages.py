"""A session that ends while somebody works: the warning before it, and a form that outlives it, in a real browser."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.api.app import create_app
from hub.console.i18n import Translator
from hub.domain.says import Language
from hub.simulators.http import serve_http
from hub.simulators.login import LoginSimulator
from tests.support.api.client import client_of
from tests.support.pages.browsing import enter_schools, serving
from tests.support.pages.login_scene import MovableClock
from tests.support.pages.page_checks import PageChecker
from tests.support.pages.walking import WAYS, walking
from tests.support.sealing_keys import new_key
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Page

    from hub.store.pool import Pool
    from tests.support.pages.walking import Walker

T = Translator(Language.DUTCH)
NEW = "/mandaten/18DS/nieuw?dienst=RIO"


@dataclass(frozen=True, kw_only=True)
class TimedSite:
    """The address of a hub whose clock a test moves."""

    address: str
    clock: MovableClock
    pool: Pool


@pytest.fixture
async def site(pool: Pool, tmp_path: Path) -> AsyncIterator[TimedSite]:
    """Give a hub with a clock of its own, where people log in at a provider."""
    async with pool.acquire() as c:
        await enter_schools(c)
    port, clock = free_port(), MovableClock()
    address = f"http://127.0.0.1:{port}"
    simulator = LoginSimulator(
        issuer="", client_id="osr-hub", redirect_uris=(f"{address}/login/callback",), clock=clock
    )
    async with serve_http(simulator.answer, "127.0.0.1", 0) as at:
        simulator.issuer = f"http://127.0.0.1:{at}"
        named = {
            "LOGIN__ISSUER": simulator.issuer,
            "LOGIN__CLIENT_ID": "osr-hub",
            "SECRETS__KEYS": new_key(),
            "HTTP__PUBLIC_URL": address,
        }
        plain = client_of(tmp_path, pool, **named)
        app = create_app(plain.app.state.shared.settings, pool, clock=clock)  # type: ignore[attr-defined]
        async with serving(app, port):
            yield TimedSite(address=address, clock=clock, pool=pool)


@asynccontextmanager
async def at_the_form(browser: Browser, way: str, site: TimedSite) -> AsyncIterator[Walker]:
    """Let an administrator log in and fill in the form for a mandate."""
    async with walking(browser, way, site.address) as person:
        await person.page.goto(f"{site.address}{NEW}")
        await person.follow(T("login_start"))
        await person.follow("Sanne de Vries")
        await person.choose(T("system"), "Zandloper")
        await person.fill(T("start"), "1-8-2031")
        yield person


async def log_in_again(page: Page) -> None:
    """Log in in the tab that the page opened."""
    await page.get_by_role("link", name=T("login_start")).click()
    await page.get_by_role("link", name="Sanne de Vries").click()
    await page.wait_for_load_state()


@pytest.mark.parametrize("way", WAYS)
async def test_a_form_that_outlives_its_session_is_sent_after_all(browser: Browser, site: TimedSite, way: str) -> None:
    """The page keeps what was filled in, a new login is in a new tab, and then the same form is sent."""
    async with at_the_form(browser, way, site) as person:
        site.clock.ahead = timedelta(minutes=31)
        await person.follow(T("save"))
        assert T("outlived_login") in await person.page.inner_text("main")
        if way == "keyboard":
            await PageChecker(person.page).check()
        async with person.page.expect_popup() as opened:
            await person.page.get_by_role("link", name=T("outlived_open")).click()
        await log_in_again(await opened.value)
        await person.follow(T("outlived_button"))
        assert T("outlived_send") in await person.page.inner_text("main")
        assert await site.pool.fetchval("select count(*) from mandates") == 0
        await person.follow(T("outlived_button"))
        assert T("granted") in await person.page.inner_text("main")
        assert "vanaf 01-08-2031" in await person.page.inner_text("main")


async def test_who_stays_logged_in_is_asked_before_the_session_ends(browser: Browser, site: TimedSite) -> None:
    """Five minutes before, a notice appears on the open page; its button keeps the session, and the notice goes."""
    async with walking(browser, "keyboard", site.address) as person:
        page = person.page
        await page.clock.install()
        await page.goto(f"{site.address}{NEW}")
        await person.follow(T("login_start"))
        await person.follow("Sanne de Vries")
        notice = page.get_by_text(T("ending"))
        assert not await notice.is_visible()
        site.clock.ahead = timedelta(minutes=26)
        await page.clock.fast_forward("26:00")
        await notice.wait_for()
        await PageChecker(page).check()
        await page.get_by_role("button", name=T("keep_session")).press("Enter")
        await notice.wait_for(state="hidden")
        site.clock.ahead = timedelta(minutes=50)
        await page.reload()
        assert T("start") in await page.inner_text("main")
        site.clock.ahead = timedelta(minutes=81)
        await page.reload()
        assert "/login" in page.url
