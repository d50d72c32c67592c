"""The pages for those who connect, in a real browser: readable on a desk and on a phone, under a strict policy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hub.console.guides import GUIDES
from hub.console.i18n import Translator
from hub.domain.says import Language
from tests.support.pages.browsing import SIZES
from tests.support.pages.page_checks import PageChecker

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

SHOTS: Final = os.environ.get("OSR_HUB_TEST_SHOTS")
"""A folder to put pictures in, for people to look at."""


async def keep_picture(page: Page, name: str) -> None:
    """Keep a picture of a page where somebody asked for it."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("size", ["desktop", "phone"])
async def test_guides_and_messages_can_be_read(browser: Browser, address: str, language: Language, size: str) -> None:
    """From the list to each guide and to the messages: no complaint of the browser, nothing too wide or too faint."""
    width, height = SIZES[size]
    context = await browser.new_context(viewport={"width": width, "height": height}, is_mobile=size == "phone")
    page = await context.new_page()
    checker, words = PageChecker(page), Translator(language)
    for path in ("/docs", *(f"/docs/{name}" for name in GUIDES), "/docs/events"):
        await page.goto(f"{address}{path}?lang={language.value}")
        await checker.check()
        await keep_picture(page, f"{path.strip('/').replace('/', '-')}-{language.value}-{size}")
    await page.goto(f"{address}/docs")
    await page.get_by_role("link", name=words("docs_events"), exact=True).click()
    assert await page.locator("main h1").inner_text() == words("docs_events")
    await context.close()


async def test_the_api_can_be_read_and_not_called(browser: Browser, address: str) -> None:
    """Swagger UI shows each call under a strict policy, from this address alone, and offers no way to call it."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    checker = PageChecker(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{address}/docs/api?lang=en")
    await page.locator("[data-path='/subscriptions']").first.wait_for()
    await page.locator("[data-path='/reconciliation']").first.click()
    await page.get_by_text("Request body").first.wait_for()
    await keep_picture(page, "docs-api")
    assert checker.complaints == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert await page.get_by_role("button", name="Try it out").count() == 0
    assert await page.get_by_role("button", name="Authorize").count() == 0
    await context.close()
