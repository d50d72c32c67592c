"""Going back, reloading, pressing twice, and working without scripts: nothing is lost and nothing is done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.access import Role
from tests.support.api.school_calls import day
from tests.support.pages.browsing import ZANDLOPER, logged_in_user

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from hub.store.pool import Pool
    from tests.support.api.client import Client

SAVE, NEW = "Opslaan", "/mandaten/18DS/nieuw?dienst=RIO"


def token_of(hub: Client) -> str:
    """Make the token of a board's administrator."""
    token = hub.as_caller(Role.SCHOOL, bges=["41561"]).token
    assert token is not None
    return token


async def test_back_and_reload_lose_nothing(browser: Browser, hub: Client, address: str, pool: Pool) -> None:
    """A page with errors is loaded again, left and gone back to: what was filled in is there each time."""
    async with logged_in_user(browser, address, token_of(hub)) as person:
        page = person.page
        await person.go(NEW)
        await page.get_by_label("Administratiesysteem").select_option("Zandloper")
        await page.locator("#start").fill("eerste van augustus")
        await person.press(SAVE)
        await page.reload()
        assert await page.locator("#start").input_value() == "eerste van augustus"
        await page.locator("#start").fill("01/08/27")
        await person.press(SAVE)
        await person.sees("Het mandaat is opgeslagen.", "vanaf 01-08-2027")
        await page.reload()
        await page.go_back()
        assert await page.locator("#start").input_value() == "eerste van augustus"
        await page.go_forward()
        await person.sees("vanaf 01-08-2027")
        assert await pool.fetchval("select count(*) from mandates") == 1


async def test_a_double_click_saves_once(browser: Browser, hub: Client, address: str, pool: Pool) -> None:
    """A double click gives one mandate and says that it was saved."""
    async with logged_in_user(browser, address, token_of(hub)) as person:
        await person.go(NEW)
        await person.page.get_by_label("Administratiesysteem").select_option("Zandloper")
        await person.page.get_by_role("button", name=SAVE).dblclick()
        await person.page.get_by_text("Het mandaat is opgeslagen.").wait_for()
        await person.misses("Er is al een mandaat")
        assert await pool.fetchval("select count(*) from mandates") == 1


async def test_a_mandate_is_copied_without_scripts(browser: Browser, hub: Client, address: str) -> None:
    """Given, copied to another school, with the outcome per school: all without a script."""
    given = {"brin": "00BW", "serviceCode": "RIO", "supplierOin": ZANDLOPER, "startDate": day(3)}
    assert (await hub.as_caller(Role.SCHOOL, brins=["00BW"]).post("/v1/mandates", given)).status == 201
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{address}/login?next={NEW}")
    await page.locator("#token").fill(token_of(hub))
    await _press(page, "Inloggen")
    await page.goto(f"{address}{NEW}")
    await page.get_by_label("Administratiesysteem").select_option("Zandloper")
    await _press(page, SAVE)
    await page.get_by_role("link", name="Kopiëren naar andere scholen").first.click()
    assert "deze school heeft al een mandaat voor dit systeem" in await page.inner_text("main")
    await page.get_by_label("11OA De Brug").check()
    await _press(page, "Volgende")
    await _press(page, "Bevestigen: kopiëren naar 1 school")
    shown = await page.inner_text("main")
    assert "1 school kreeg dit mandaat" in shown
    assert "11OA De Brug" in shown
    await context.close()


async def _press(page: Page, words: str) -> None:
    await page.get_by_role("button", name=words, exact=True).click()
    await page.wait_for_load_state()
