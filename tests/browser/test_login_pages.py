"""Login in a real browser: with the mouse's links, by keyboard alone, without scripts; on a desk and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.clock import now
from hub.simulators.http import serve_http
from hub.simulators.login import LoginSimulator
from tests.support.api.client import client_of
from tests.support.pages.browsing import SIZES, enter_schools, serving
from tests.support.pages.keyboard import enter_at
from tests.support.pages.page_checks import PageChecker
from tests.support.sealing_keys import new_key
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from hub.store.pool import Pool


@pytest.fixture
async def site(pool: Pool, tmp_path: Path) -> AsyncIterator[str]:
    """Give the address of a hub where people log in at a provider of their own."""
    async with pool.acquire() as c:
        await enter_schools(c)
    port = free_port()
    address, simulator = f"http://127.0.0.1:{port}", LoginSimulator(
        issuer="", client_id="osr-hub", redirect_uris=(f"http://127.0.0.1:{port}/login/callback",), clock=now
    )  # fmt: skip
    async with serve_http(simulator.answer, "127.0.0.1", 0) as at:
        simulator.issuer = f"http://127.0.0.1:{at}"
        named = {
            "LOGIN__ISSUER": simulator.issuer,
            "LOGIN__CLIENT_ID": "osr-hub",
            "SECRETS__KEYS": new_key(),
            "HTTP__PUBLIC_URL": address,
        }
        async with serving(client_of(tmp_path, pool, **named).app, port):
            yield address


@pytest.mark.parametrize(("size", "has_scripts"), [("desktop", True), ("phone", False)])
async def test_an_administrator_logs_in_and_out_by_keyboard(
    browser: Browser,
    site: str,
    size: str,
    has_scripts: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """From a page that was asked for, through the provider and back; the header says who; out, and no way back."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, is_mobile=size == "phone", java_script_enabled=has_scripts
    )
    page = await context.new_page()
    await page.goto(f"{site}/mandaten/18DS")
    await enter_at(page, "Naar het inloggen")
    await enter_at(page, "Sanne de Vries")
    assert page.url == f"{site}/mandaten/18DS"
    assert "Sanne de Vries · De Boog (18DS)" in await page.locator(".who").inner_text()
    await enter_at(page, "Uitloggen")
    assert "U bent uitgelogd" in await page.locator("main").inner_text()
    await page.goto(f"{site}/mandaten/18DS")
    assert "/login" in page.url
    await context.close()


async def test_each_page_of_a_login_is_in_order(browser: Browser, site: str) -> None:
    """Labels, headings, contrast and width of the pages on the way, in both colour schemes."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True)
    page = await context.new_page()
    checker = PageChecker(page)
    for who in (None, "Kim Bakker", "Ria Meijer"):
        await page.goto(f"{site}/login/start" if who else f"{site}/login")
        if who is not None:
            await page.get_by_role("link", name=who).click()
            await page.wait_for_load_state()
        await checker.check()
    await page.goto(f"{site}/logout")
    await checker.check()
    await page.goto(f"{site}/login/callback?code=x&state=y")
    await checker.check()
    assert "Inloggen is niet gelukt" in await page.locator("main").inner_text()
    await context.close()
