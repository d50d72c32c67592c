"""What a school does, on a running stack with its own login: the event arrives, and its state comes back.

By keyboard alone on a desk, and without scripts on a phone.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import orjson
import pytest

from hub.console.i18n import Translator
from hub.domain.says import Language
from tests.support.pages.browsing import SIZES
from tests.support.pages.keyboard import enter_at, tab_to, type_at
from tests.support.pages.page_checks import PageChecker
from tests.support.register.stack_register import set_up_register
from tests.support.servers.stacks import running_stack, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from tests.support.servers.stacks import RunningStack

BRIN: Final = "18DS"
FINAL: Final = {"processed", "processed_with_signal", "rejected", "activated", "declined"}
SECONDS: Final = 120_000
T: Final = Translator(Language.DUTCH)


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """Give a stack with simulators and a login, that knows schools and systems."""
    async with running_stack(tmp_path_factory.mktemp("stack")) as running:
        await set_up_register(running, tmp_path_factory.mktemp("files"))
        yield running


@asynccontextmanager
async def window(browser: Browser, size: str, *, has_scripts: bool) -> AsyncIterator[Page]:
    """Open a window of a size."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, is_mobile=size == "phone", java_script_enabled=has_scripts
    )
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def outcome(stack: RunningStack, service: str) -> dict[str, str]:
    """Wait until the receiver has said what it did with the school's message, and return the cell of it."""
    found: list[dict[str, str]] = []

    async def is_there() -> bool:
        status = await stack.call("GET", f"/schools/{BRIN}/status")
        found[:] = [c for b in status["branches"] for c in b["cells"] if c["serviceCode"] == service][:1]
        return bool(found) and found[0]["status"] in FINAL

    await until(is_there, f"{service} of {BRIN} is processed")
    return found[0]


def told(cell: dict[str, str]) -> str:
    """Return the beginning of the sentence that a school reads about it."""
    return T(f"msg_{cell['status']}", who="DUO", system=cell["systemName"], age="").partition(":")[0]


async def test_a_school_gives_a_mandate_by_keyboard_and_duo_processes_it(browser: Browser, stack: RunningStack) -> None:
    """From the login to DUO's answer on the open page, without a mouse and without a reload."""
    address = stack.connection["console"].removesuffix("/console")
    async with window(browser, "desktop", has_scripts=True) as page:
        await page.goto(f"{address}/mandaten/{BRIN}")
        await enter_at(page, T("login_start"))
        await enter_at(page, "Sanne de Vries")
        await enter_at(page, T("add"))
        await type_at(page, "BRON po (ROD po)", "Space")
        await enter_at(page, T("go_on"))
        await tab_to(page, T("system"))
        await page.keyboard.type("Nagebootst")
        await enter_at(page, T("save"))
        await page.get_by_text(T("granted")).wait_for()
        await page.evaluate("window.isSame = true")
        cell = await outcome(stack, "BRON_PO")
        await page.get_by_text(told(cell)).first.wait_for(timeout=SECONDS)
        assert await page.evaluate("window.isSame")
        await PageChecker(page).check()
    records = [orjson.loads(record.value) for record in await stack.read_topic("duo.bron-po.v1")]
    assert [(each["partitionkey"], each["type"]) for each in records] == [(BRIN, "nl.osr.mandate.granted.v1")]


async def test_a_school_gives_a_mandate_on_a_phone_without_scripts_and_the_las_takes_it(
    browser: Browser, stack: RunningStack
) -> None:
    """The same with a webhook; a link of the page shows what is new."""
    address = stack.connection["console"].removesuffix("/console")
    async with window(browser, "phone", has_scripts=False) as page:
        await page.goto(f"{address}/mandaten/{BRIN}")
        await page.get_by_role("link", name=T("login_start")).click()
        await page.get_by_role("link", name="Sanne de Vries").click()
        await page.get_by_role("link", name=T("add"), exact=True).first.click()
        await page.get_by_label("VVA").check()
        await page.get_by_role("button", name=T("go_on")).click()
        await page.get_by_label(T("system")).select_option(label="Nagebootst")
        await page.get_by_role("button", name=T("save"), exact=True).click()
        await page.get_by_text(T("granted")).wait_for()
        cell = await outcome(stack, "VVA")
        await page.goto(f"{address}/mandaten/{BRIN}")
        await page.get_by_role("link", name="Ververs deze pagina").click()
        assert told(cell) in await page.locator("main").inner_text()
    assert (await stack.verify())["ok"]
