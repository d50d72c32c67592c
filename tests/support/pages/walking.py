"""Two ways to work on a page. In: the words of links, buttons and fields. Out: the same steps, by keyboard or as text.

By keyboard alone nothing is clicked: what has the focus is found by Tab, as a person does. Without scripts a page is
what the hub sent, on a phone.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

import pytest

from tests.support.pages.browsing import SIZES
from tests.support.pages.keyboard import enter_at, tab_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

WAYS: Final = ("keyboard", "without scripts")
MOST_ARROWS: Final = 30
IN_GROUP: Final = """
([group, words]) => {
  const e = document.activeElement;
  const own = (x) => (x.labels?.[0] ?? x).textContent.trim();
  if (e.type !== "radio") return "";
  if (group && !e.closest("fieldset")?.querySelector("legend").textContent.includes(group)) return "";
  const found = [...document.getElementsByName(e.name)].some((x) => own(x) === words);
  return found ? own(e) : "";
}
"""
SECONDS: Final = 60_000


class Walker(Protocol):
    """A person at a page, in one of the ways."""

    page: Page
    address: str

    async def follow(self, words: str) -> None:
        """Follow a link, or press a button that leads to another page."""

    async def fill(self, label: str, text: str) -> None:
        """Replace the text of a field."""

    async def choose(self, label: str, option: str) -> None:
        """Choose an option of a list."""

    async def tick(self, label: str) -> None:
        """Tick a box."""

    async def pick(self, label: str, group: str = "") -> None:
        """Pick one of a group of choices."""

    async def unfold(self, words: str) -> None:
        """Unfold what a page keeps folded."""

    async def sees_at_last(self, path: str, *texts: str) -> None:
        """Wait until a page shows texts."""


class KeyboardWalker:
    """Uses Tab, arrows, Space and Enter only; an open page refreshes by itself."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    async def follow(self, words: str) -> None:
        """Go to a link or button by Tab and press Enter."""
        await enter_at(self.page, words)

    async def fill(self, label: str, text: str) -> None:
        """Go to a field by Tab and type over what is there."""
        await tab_to(self.page, label)
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.type(text)

    async def choose(self, label: str, option: str) -> None:
        """Go to a list by Tab and type the beginning of an option."""
        await tab_to(self.page, label)
        await self.page.keyboard.type(option)

    async def tick(self, label: str) -> None:
        """Go to a box by Tab and press Space."""
        await tab_to(self.page, label)
        await self.page.keyboard.press("Space")

    async def pick(self, label: str, group: str = "") -> None:
        """Go to the group by Tab, and to the choice by arrows."""
        for _ in range(100):
            await self.page.keyboard.press("Tab")
            if await self.page.evaluate(IN_GROUP, [group, label]):
                break
        await self.page.keyboard.press("Space")
        for _ in range(MOST_ARROWS):
            if await self.page.evaluate(IN_GROUP, [group, label]) == label:
                return
            await self.page.keyboard.press("ArrowDown")
        pytest.fail(f"no arrow leads to {label} of {group}")

    async def unfold(self, words: str) -> None:
        """Go to the summary by Tab and press Enter."""
        await tab_to(self.page, words)
        await self.page.keyboard.press("Enter")

    async def sees_at_last(self, path: str, *texts: str) -> None:
        """Open a page once, and wait until it shows the texts by itself."""
        await self.page.goto(f"{self.address}{path}")
        for text in texts:
            await self.page.locator("main", has_text=text).wait_for(timeout=SECONDS)


class ScriptlessWalker:
    """Follows links and sends forms of pages that have no scripts; a link shows what is new."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    async def follow(self, words: str) -> None:
        """Tap a link or button."""
        link = self.page.get_by_role("link", name=words, exact=True)
        button = self.page.get_by_role("button", name=words, exact=True)
        async with self.page.expect_navigation():
            await link.or_(button).first.click()

    async def fill(self, label: str, text: str) -> None:
        """Replace the text of a field."""
        await self.page.get_by_label(label).fill(text)

    async def choose(self, label: str, option: str) -> None:
        """Choose an option of a list."""
        await self.page.get_by_label(label, exact=True).select_option(label=option)

    async def tick(self, label: str) -> None:
        """Tap a box."""
        await self.page.get_by_label(label).check()

    async def pick(self, label: str, group: str = "") -> None:
        """Tap a choice."""
        within = self.page.get_by_role("group", name=group) if group else self.page
        await within.get_by_label(label, exact=True).check()

    async def unfold(self, words: str) -> None:
        """Tap a summary."""
        await self.page.locator("summary", has_text=words).click()

    async def sees_at_last(self, path: str, *texts: str) -> None:
        """Open a page, and follow its refreshing link until it shows the texts."""
        await self.page.goto(f"{self.address}{path}")
        for _ in range(SECONDS // 200):
            shown = await self.page.locator("main").text_content() or ""
            if all(text in " ".join(shown.split()) for text in texts):
                return
            await self.page.wait_for_timeout(200)
            await self.follow("Ververs deze pagina")
        pytest.fail(f"{path} did not show {texts}")


@asynccontextmanager
async def walking(browser: Browser, way: str, address: str) -> AsyncIterator[Walker]:
    """Open a window for a person who works in one of the ways."""
    is_phone = way != "keyboard"
    width, height = SIZES["phone" if is_phone else "desktop"]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, is_mobile=is_phone, java_script_enabled=not is_phone
    )
    try:
        page = await context.new_page()
        yield ScriptlessWalker(page, address) if is_phone else KeyboardWalker(page, address)
    finally:
        await context.close()
