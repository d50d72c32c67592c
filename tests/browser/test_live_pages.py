"""A page of a school refreshes by itself, keeps what is open in it, and works without scripts too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.access import Role
from tests.support.lanes.ledger_states import plan_all, report, take
from tests.support.pages.browsing import KOMPAS, logged_in_user
from tests.support.pages.slow_statements import keep_statements

if TYPE_CHECKING:
    import pytest
    from playwright.async_api import Browser

    from hub.store.pool import Pool
    from tests.support.api.client import Client


async def test_the_state_of_a_school_arrives_without_a_reload(
    browser: Browser, hub: Client, address: str, pool: Pool
) -> None:
    """What DUO reports appears on the open page, which says so to a screen reader."""
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    assert (
        await school.post("/v1/mandates", {"brin": "18DS", "serviceCode": "RIO", "supplierOin": KOMPAS})
    ).status == 201
    assert school.token is not None
    async with logged_in_user(browser, address, school.token) as person:
        t, page = person.t, person.page
        await person.go("/mandaten/18DS")
        await person.sees(t.status("not_planned"))
        await page.evaluate("window.isSame = true")
        async with pool.acquire() as c:
            await plan_all(c)
            await take(c, "duo:rio")
            one = await c.fetchval("select id from deliveries")
        await page.get_by_text(t.status("delivered")).wait_for()
        async with pool.acquire() as c:
            await report(c, str(one), "processed")
        await page.get_by_text(t("msg_processed")).wait_for()
        await page.get_by_text(t("news")).wait_for()
        assert await page.evaluate("window.isSame")
        await person.checker.check()


async def test_the_state_of_a_board_arrives_without_a_reload(
    browser: Browser, hub: Client, address: str, pool: Pool
) -> None:
    """A school that gets something to do rises in the list that is open, and the number of such schools with it."""
    board = hub.as_caller(Role.SCHOOL, bges=["41561"])
    given = {"brin": "18DS", "serviceCode": "RIO", "supplierOin": KOMPAS}
    assert board.token is not None
    async with logged_in_user(browser, address, board.token) as person:
        t, page = person.t, person.page
        await person.go("/mandaten?volgorde=naam")
        await page.get_by_text(t("live_on")).wait_for()
        await page.evaluate("window.isSame = true")
        assert (await board.post("/v1/mandates", given)).status == 201
        await page.get_by_text(f"{t('need_wacht')} (1)").wait_for()
        async with pool.acquire() as c:
            await plan_all(c)
            await take(c, "duo:rio")
            await report(c, str(await c.fetchval("select id from deliveries")), "rejected")
        await page.get_by_text(f"{t('need_actie')} (1)").wait_for()
        await page.get_by_text(f"RIO: {t.status('rejected')}").wait_for()
        await page.get_by_text(t("news")).wait_for()
        assert await page.evaluate("window.isSame")
        await person.checker.check()


async def test_a_list_that_somebody_is_busy_in_is_renewed_afterwards(
    browser: Browser, hub: Client, address: str
) -> None:
    """A link that has the focus stays where it is; the page says that there is news, and shows it later."""
    board = hub.as_caller(Role.SCHOOL, bges=["41561"])
    assert board.token is not None
    async with logged_in_user(browser, address, board.token) as person:
        t, page = person.t, person.page
        await person.go("/mandaten")
        await page.get_by_text(t("live_on")).wait_for()
        await page.locator("#live .schools a").first.focus()
        given = {"brin": "18DS", "serviceCode": "RIO", "supplierOin": KOMPAS}
        assert (await board.post("/v1/mandates", given)).status == 201
        await page.get_by_text(t("news")).wait_for()
        await person.misses(f"{t('need_wacht')} (1)")
        await page.locator("#q").focus()
        await page.get_by_text(f"{t('need_wacht')} (1)").wait_for()


async def test_a_statement_appears_on_its_page_when_it_is_made(
    browser: Browser, hub: Client, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open page says how far it is, asks for the rest at once, and shows it without a reload."""
    made = keep_statements(monkeypatch)
    token = hub.as_caller(Role.OPERATIONS).token
    assert token is not None
    async with logged_in_user(browser, address, token) as person:
        t, page = person.t, person.page
        await person.go("/console/statement?month=2026-10")
        await person.sees(t("statement_making"))
        await page.evaluate("window.isSame = true")
        made.set()
        await page.get_by_role("heading", name=t("party_schools")).wait_for()
        await person.misses(t("statement_making"))
        assert await page.evaluate("window.isSame")
        await person.checker.check()


async def test_without_scripts_a_link_refreshes(browser: Browser, hub: Client, address: str) -> None:
    """The page has all its text without scripts, and a link that gets it again."""
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    assert school.token is not None
    await page.goto(f"{address}/login")
    await page.locator("#token").fill(school.token)
    await page.get_by_role("button", name="Inloggen").click()
    await page.get_by_role("link", name="Ververs deze pagina").click()
    assert await page.locator("h1").inner_text() == "Mandaten van De Boog"
    assert not await page.get_by_text("Deze stand ververst vanzelf.").is_visible()
    await context.close()
