"""The life of a mandate, by clicking: given, changed, routed, copied, divided, withdrawn; on a desk and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from hub.access import Role
from hub.domain.says import Language
from tests.support.api.school_calls import day
from tests.support.lanes.ledger_states import plan_all, report, take
from tests.support.pages.browsing import KOMPAS, ZANDLOPER, BrowserUser, logged_in_user
from tests.support.pages.keyboard import enter_at, type_at

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from hub.store.pool import Pool
    from tests.support.api.client import Client

BOARD: Final = "41561"
ROUTING: Final = "0000000700018DS0000"


def told(iso: str) -> str:
    """Write a day as pages do."""
    year, month, number = iso.split("-")
    return f"{number}-{month}-{year}"


def token_of(hub: Client, role: Role = Role.SCHOOL, bges: tuple[str, ...] = (BOARD,)) -> str:
    """Make the token of somebody."""
    token = hub.as_caller(role, bges=bges).token
    assert token is not None
    return token


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("size", ["desktop", "phone"])
async def test_a_mandate_lives_by_clicking(
    browser: Browser, hub: Client, address: str, pool: Pool, size: str, language: Language
) -> None:
    """Everything that a school is promised can be done on its pages, and each page is one that anybody can use."""
    await hub.as_caller(Role.SCHOOL, brins=["00BW"]).post(
        "/v1/mandates", {"brin": "00BW", "serviceCode": "RIO", "supplierOin": KOMPAS}
    )
    async with logged_in_user(browser, address, token_of(hub), size=size, language=language) as person:
        await _choose_school(person)
        await _grant_with_an_error_first(person)
        async with pool.acquire() as c:
            await plan_all(c)
            await take(c, "duo:rio")
            one = await c.fetchval("select id from deliveries where branch = '18DS01'")
            await report(c, str(one), "rejected", "het <b>certificaat</b> is niet bekend")
        await _see_what_became_of_it(person)
        await _change_the_end(person)
        await _route_a_branch(person)
        await _copy(person)
        await _divide(person, hub)
        await _withdraw(person)
        await person.press(person.t("log_out"))
        await person.go("/mandaten")
        assert "/login" in person.page.url


async def _choose_school(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.sees("18DS De Boog", "11OA De Brug", "00BW Het Baken")
    await person.misses("De Eerste")
    await page.get_by_label(t("search_school")).fill("nergens")
    await person.press(t("search"))
    await person.sees(t("none_found"))
    await page.get_by_label(t("search_school")).fill("18ds")
    await person.press(t("search"))
    assert page.url.endswith("/mandaten/18DS")
    await person.sees(t("mandates_of", name="De Boog"), t("no_mandates"))


async def _grant_with_an_error_first(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.click(t("add"))
    await page.get_by_label("RIO").check()
    await person.press(t("go_on"))
    assert await page.get_by_label(t("start"), exact=True).input_value() == told(day())
    assert await page.locator("#system option").all_inner_texts() == [t("choose_system"), "Kompas", "Zandloper"]
    await page.locator("#end").fill(day(-1))
    await page.get_by_text(t("per_branch"), exact=True).click()
    await page.get_by_label(t("own_of", branch="18DS01")).fill("0000000700011OA00001")
    await person.press(t("save"))
    await person.sees(
        t.error("", "unknown_system", ""), t.error("", "before_start", ""), t.error("", "other_school", "")
    )
    assert await page.locator("#end").input_value() == day(-1)
    assert await page.get_by_label(t("own_of", branch="18DS01")).input_value() == "0000000700011OA00001"
    assert await page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    await page.get_by_label(t("system")).select_option("Zandloper")
    await page.locator("#end").fill(day(300))
    await page.get_by_label(t("own_of", branch="18DS01")).fill(f"{ROUTING}7")
    await person.press(t("save"))
    await person.sees(t("granted"), f"{t('until')} {told(day(300))}", f"{ROUTING}7", t.status("not_planned"))


async def _see_what_became_of_it(person: BrowserUser) -> None:
    await person.click("18DS De Boog")
    t = person.t
    await person.sees(t.status("rejected"), "het <b>certificaat</b> is niet bekend", t.status("delivered"))
    await person.sees(t("msg_delivered", age=t("age_now")), t("msg_rejected"))
    await person.click(f"{t('open')} RIO, Zandloper")


async def _change_the_end(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await page.get_by_label(t("end")).fill(day(-3))
    await person.press(t("go_on"))
    await person.sees(t.error("", "before_start", ""))
    await page.get_by_label(t("end")).fill(day(200))
    await person.press(t("go_on"))
    await person.sees(t("foreseen_title"), t("dates_before"), t("dates_after"))
    await person.press(t("dates_confirm"))
    await person.sees(t("amended"), told(day(200)), t.change("endDate"))


async def _route_a_branch(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.click(f"{t('change_routing')} {t('routing_of', branch='18DS02')}")
    await page.get_by_label(t("take_own"), exact=True).check()
    await page.locator("#own").fill(f"{ROUTING}7")
    await person.press(t("go_on"))
    await person.sees(t.error("", "taken", ""))
    await page.get_by_label(t("take_free"), exact=True).check()
    await person.press(t("go_on"))
    await person.sees(t("foreseen_title"), f"18DS02, {ROUTING}1")
    await person.click(t("routing_other"))
    assert await page.get_by_label(t("take_free"), exact=True).is_checked()
    await person.press(t("go_on"))
    await person.press(t("routing_confirm"))
    await person.sees(t("routed"), f"18DS02 Het Anker: {ROUTING}1")
    await person.click(f"{t('change_routing')} {t('routing_of', branch='18DS02')}")
    await page.get_by_label(t("keep_none"), exact=True).check()
    await person.press(t("go_on"))
    await person.sees(t("foreseen_left", system="Zandloper"))
    await person.press(t("routing_confirm"))
    await person.sees(f"18DS02 Het Anker: {t('no_routing')}")


async def _copy(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.click(t("copy"))
    await person.sees(f"00BW Het Baken\n{t.reason('other_system')} ({t('copy_current', system='Kompas')})")
    assert await page.get_by_label("00BW Het Baken").count() == 0
    await person.press(t("go_next"))
    await person.sees(t("copy_choose"))
    await page.get_by_label("11OA De Brug").check()
    await page.get_by_label(t("copy_filter")).fill("baken")
    await person.press(t("search"))
    assert await page.get_by_label("11OA De Brug").is_checked()
    await person.press(t("go_next"))
    await person.sees(t.count("copy_will", 1), f"11OA De Brug\n{t('copy_first')}")
    await person.click(t("copy_again"))
    assert await page.get_by_label("11OA De Brug").is_checked()
    await person.press(t("go_next"))
    await person.press(t.count("copy_confirm", 1))
    await person.sees(t.count("copy_made", 1))
    await page.reload()
    await person.sees(t.count("copy_made", 1))
    await person.click("11OA De Brug")
    await person.sees("RIO", t("copied_from"))


async def _divide(person: BrowserUser, hub: Client) -> None:
    t, page = person.t, person.page
    given = {"brin": "18DS", "serviceCode": "RIO", "supplierOin": KOMPAS}
    assert (await hub.as_caller(Role.SCHOOL, brins=["18DS"]).post("/v1/mandates", given)).status == 201
    await person.go("/mandaten/18DS")
    await person.sees(t("doubt_title"), "18DS00, 18DS02, 18DS03")
    await person.click(t("divide"))
    await person.press(t("go_on"))
    await person.sees(t("divide_nothing"))
    for branch in ("18DS00", "18DS02"):
        await page.get_by_role("group", name=branch).get_by_label("Kompas").check()
    await page.get_by_role("group", name="18DS03").get_by_label("Zandloper").check()
    await person.press(t("go_on"))
    await person.sees(t("foreseen_title"), t("divide_preview_lead"), f"18DS00, {ROUTING}1")
    await person.press(t("divide_confirm"))
    await person.sees(t("divided"), f"{ROUTING}1", f"{ROUTING}2", f"{ROUTING}3")
    await person.misses(t("doubt_title"))


async def _withdraw(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.click(f"{t('withdraw')} RIO, Zandloper")
    await person.sees(t("withdraw_lead", system="Zandloper", service="RIO"))
    await person.press(t("withdraw_confirm"))
    await person.sees(t("reason_missing"))
    await page.get_by_label(t("withdraw_reason")).fill("wij stappen over")
    await person.press(t("withdraw_confirm"))
    await person.sees(t("withdrawn"))
    await page.locator("summary", has_text=t("over")).click()
    await person.sees(t.state("withdrawn"))
    await person.click(t("history"))
    who = t("yourself").capitalize()
    await person.sees(t("did_mandate_withdrawn", who=who, system="Zandloper", service="RIO"), "wij stappen over")


async def test_a_mandate_is_given_by_keyboard_only(browser: Browser, hub: Client, address: str) -> None:
    """Whoever has no mouse reaches everything by Tab, in the order of the page, and sees where they are."""
    async with logged_in_user(browser, address, token_of(hub)) as person:
        page = person.page
        await person.go("/mandaten/11OA/nieuw")
        await type_at(page, "BRON po (ROD po)", "Space")
        await enter_at(page, "Verder")
        await type_at(page, "Administratiesysteem", "Z")
        await enter_at(page, "Opslaan")
        await page.get_by_text("Het mandaat is opgeslagen.").wait_for()
        await person.checker.check()
        await page.keyboard.press("Tab")
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px"


async def test_somebody_else_was_first(browser: Browser, hub: Client, address: str) -> None:
    """A form that is older than the mandate saves nothing, says what changed, and keeps what was typed."""
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    made = (await school.post("/v1/mandates", {"brin": "18DS", "serviceCode": "VVA", "supplierOin": ZANDLOPER})).json
    async with logged_in_user(browser, address, token_of(hub)) as person:
        await person.go(f"/mandaten/18DS/{made['id']}")
        await person.page.get_by_label("Einddatum").fill(day(20))
        await school.call("PATCH", f"/v1/mandates/{made['id']}", {"endDate": day(10)}, headers={"If-Match": '"1"'})
        await person.press("Verder")
        await person.sees("Er is niets opgeslagen.", f"vanaf {told(day())} t/m {told(day(10))}")
        assert await person.page.get_by_label("Einddatum").input_value() == day(20)
        await person.press("Verder")
        await person.press("Ja, deze datums opslaan")
        await person.sees("De datums zijn opgeslagen.", told(day(20)))
