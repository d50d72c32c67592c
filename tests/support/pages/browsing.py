"""A hub that a browser can reach, and its users. In: a pool. Out: pages of a user who logged in."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import uvicorn

from hub.console.i18n import Translator
from hub.domain.says import Language
from hub.domain.system import System
from hub.store.register import write_systems
from schemas.identifiers import Oin
from tests.support.pages.page_checks import PageChecker
from tests.support.register.schools import BuiltSchool, add_schools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page
    from starlette.types import ASGIApp

    from hub.store.pool import Connection

SIZES: Final = {"desktop": (1280, 800), "phone": (390, 844)}
ZANDLOPER, KOMPAS = "00000099000000001000", "00000099000000002000"


async def enter_schools(c: Connection) -> None:
    """Enter a board with schools of several branches, with gaps in their numbers, another board, and two systems."""
    await c.execute("insert into boards values ('41561', 'Stichting De Boog'), ('41775', 'Andere stichting')")
    long = "De Zonnebloemschool met een lange naam"
    await add_schools(
        c,
        BuiltSchool(
            brin="18DS", name="De Boog", branches={"00": "De Boog", "01": "De Pijl", "02": "Het Anker", "03": long}
        ),
        BuiltSchool(brin="11OA", name="De Brug", branches={"00": "De Brug", "03": "De Sluis", "04": "De Kade"}),
        BuiltSchool(brin="00BW", name="Het Baken", branches={"00": "Het Baken"}),
        BuiltSchool(brin="00AA", name="De Eerste", board="41775", branches={"00": "De Eerste"}),
    )
    every = frozenset({"BRON_PO", "VERZUIM", "RIO", "VVA"})
    systems = (System(supplier_oin=Oin(ZANDLOPER), name="Zandloper", service_codes=every),
               System(supplier_oin=Oin(KOMPAS), name="Kompas", service_codes=frozenset({"VVA", "RIO"})))  # fmt: skip
    await write_systems(c, systems)


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Serve an application, on a free port unless one is given, and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, lifespan="on", log_config=None))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not task.done(), "the server did not start"
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserUser:
    """A user of the pages in one language, who finds elements by their text."""

    page: Page
    checker: PageChecker
    address: str
    t: Translator

    async def go(self, path: str) -> None:
        """Open a page and check it."""
        await self.page.goto(f"{self.address}{path}")
        await self.checker.check()

    async def click(self, words: str, role: Literal["link", "button"] = "link") -> None:
        """Click a link or a button that has these words, and check the next page."""
        await self.page.get_by_role(role, name=words, exact=True).first.click()
        await self.page.wait_for_load_state()
        await self.checker.check()

    async def press(self, words: str) -> None:
        """Press a button."""
        await self.click(words, "button")

    async def sees(self, *texts: str) -> None:
        """Assert that the page shows these texts."""
        shown = await self.page.locator("main").inner_text()
        for text in texts:
            assert text in shown, f"{text!r} is not in {shown}"

    async def misses(self, *texts: str) -> None:
        """Assert that the page does not show these texts."""
        shown = await self.page.locator("main").inner_text()
        for text in texts:
            assert text not in shown, f"{text!r} is in {shown}"


@asynccontextmanager
async def logged_in_user(
    browser: Browser, address: str, token: str, *, size: str = "desktop", language: Language = Language.DUTCH
) -> AsyncIterator[BrowserUser]:
    """Yield a user who logged in, in a window of this size."""
    width, height = SIZES[size]
    context = await browser.new_context(viewport={"width": width, "height": height}, is_mobile=size == "phone")
    page = await context.new_page()
    person = BrowserUser(page=page, checker=PageChecker(page), address=address, t=Translator(language))
    await person.go("/login")
    if language is Language.ENGLISH:
        await person.click("English")
    await page.get_by_label(person.t("token")).fill(token)
    await person.press(person.t("log_in"))
    try:
        yield person
    finally:
        await context.close()
