"""A page without a mouse. In: the words of a link, a button or a field. Out: focus by Tab, and a key pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Page

MOST_TABS: Final = 80
FOCUSED: Final = "() => { const e = document.activeElement; return (e.labels?.[0] ?? e).textContent.trim(); }"


async def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus is named by these words."""
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        if await page.evaluate(FOCUSED) == words:
            return
    pytest.fail(f"no Tab leads to {words}")


async def type_at(page: Page, words: str, keys: str) -> None:
    """Go to a field and type there."""
    await tab_to(page, words)
    await page.keyboard.press(keys)


async def enter_at(page: Page, words: str) -> None:
    """Go to a link or a button from the top of the page, press Enter, and wait for the next page."""
    await page.locator("body").focus()
    await tab_to(page, words)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
