"""What operations see and press: what is late, holding and releasing, records put aside; on a desk and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from hub.access import Role
from hub.domain.says import Language
from hub.store.reports import park_record
from tests.support.lanes.ledger_states import plan_all, report_record, take
from tests.support.pages.browsing import ZANDLOPER, BrowserUser, logged_in_user

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from hub.store.pool import Connection, Pool
    from tests.support.api.client import Client

A_WHILE = 60_000.0
"""Milliseconds in which something must have become late, and the page have said so by itself."""


@pytest.fixture
async def late(hub: Client, pool: Pool) -> str:
    """Let a school's message wait for a queue that nobody sends to, and give its id."""
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    for service in ("RIO", "VERZUIM"):
        await school.post("/v1/mandates", {"brin": "18DS", "serviceCode": service, "supplierOin": ZANDLOPER})
    async with pool.acquire() as c:
        await plan_all(c)
        await take(c, "duo:verzuim")
        return str(await c.fetchval("select d.id from deliveries d join destinations p on p.id = d.destination "
                                    "where p.name = 'duo:verzuim'"))  # fmt: skip


@pytest.mark.parametrize(("size", "language"), [("desktop", Language.DUTCH), ("phone", Language.ENGLISH)])
async def test_operations_hold_release_and_decide(  # noqa: PLR0913, PLR0917 - the world of the test
    browser: Browser, hub: Client, address: str, pool: Pool, late: str, size: str, language: Language
) -> None:
    """What is late comes first and says so by itself; each button does what it says, and wants to know why."""
    token = hub.as_caller(Role.OPERATIONS).token
    assert token is not None
    async with pool.acquire() as c:
        await _put_aside(c, str(uuid4()))
        await _put_aside(c, late)
    async with logged_in_user(browser, address, token, size=size, language=language) as person:
        await _see_what_is_late(person)
        await _hold_and_release(person)
        await _see_another_operator(person, hub)
        await _set_an_objective(person)
        await _hold_one_school(person)
        await _decide_on_records(person)
        await _send_again(person)
        await _find_and_follow_a_message(person)
        await person.click(person.t("schools_link"))
        await person.page.get_by_label(person.t("search_school")).fill("boog")
        await person.press(person.t("search"))
        await person.sees(person.t("read_only"), person.t.status("processed"))
        assert await person.page.get_by_role("link", name=person.t("add")).count() == 0


async def _put_aside(c: Connection, delivery_id: str) -> None:
    await park_record(c, report_record(delivery_id, "pupil 123456782"))


async def _see_what_is_late(person: BrowserUser) -> None:
    t, page = person.t, person.page
    first = page.locator("#live article").first
    await first.get_by_text(t.cause("hub")).wait_for(timeout=A_WHILE)
    assert await first.get_by_role("heading").get_by_role("link").inner_text() == "RIO"
    await person.checker.check()
    await person.sees("osr-consume forward")


async def _hold_and_release(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await page.locator("#live article").first.get_by_role("heading").get_by_role("link").click()
    await page.wait_for_load_state()
    await person.checker.check()
    await person.press(t("hold"))
    await person.sees(t("reason_missing"))
    await page.get_by_label(t("reason")).fill("onderhoud bij DUO")
    await person.press(t("hold"))
    await person.sees(t("held"), t.cause("held"), t("destination_is_held"))
    await page.get_by_label(t("reason")).fill("klaar")
    await person.press(t("release"))
    await person.sees(t("released"), t("is_open"))


async def _see_another_operator(person: BrowserUser, hub: Client) -> None:
    """What another operator does shows on the page of a destination without a press."""
    operator, path = hub.as_caller(Role.OPERATIONS), "/v1/destinations/duo:rio"
    for verb, says in (("hold", "destination_is_held"), ("release", "is_open")):
        assert (await operator.post(f"{path}/{verb}", {"brins": None, "reason": "x"})).status == 200
        await person.page.locator("#live").get_by_text(person.t(says)).wait_for(timeout=A_WHILE)


async def _set_an_objective(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.click(t("objective_change"))
    await person.checker.check()
    await page.get_by_label(t("objective_share")).fill("100")
    await person.press(t("objective_save"))
    await person.sees(t("objective_share_wrong"), t("reason_missing"))
    await person.checker.check()
    await page.get_by_label(t("objective_share")).fill("99")
    await page.get_by_label(t("reason")).fill("met DUO afgesproken")
    await person.press(t("objective_save"))
    await person.sees(t("objective_set"), "99 %")


async def _hold_one_school(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await page.get_by_label(t("only_school")).fill("99zz")
    await page.get_by_label(t("reason")).fill("onderzoek")
    await person.press(t("hold"))
    await person.sees(t("no_such_school", brin="99ZZ"))
    assert await page.get_by_label(t("reason")).input_value() == "onderzoek"
    await page.get_by_label(t("only_school")).fill("18ds")
    await person.press(t("hold"))
    await person.sees(t("held_schools"), "onderzoek")
    await page.locator("#reason-18DS").fill("klaar")
    await person.press(t("release_one", brin="18DS"))
    await person.misses(t("held_schools"))


async def _decide_on_records(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.click(t("operations"))
    await person.click(t("parked_records"))
    unknown, known = page.locator("[id^=parked-]").nth(0), page.locator("[id^=parked-]").nth(1)
    await unknown.locator("summary").click()
    await person.sees(t.parked("unknown_delivery"), "*********")
    await person.press(t("discard"))
    await person.sees(t("reason_missing"), t("none_ticked"))
    await page.get_by_role("checkbox").first.check()
    await page.get_by_role("checkbox").nth(1).check()
    await page.get_by_label(t("reason")).fill("DUO was te vroeg")
    await person.press(t("retry"))
    await person.sees(t("bulk_retry"), t.error("", "unknown_delivery", ""))
    assert await known.count() == 0
    await page.get_by_role("checkbox").first.check()
    await page.get_by_label(t("reason")).fill("hoort niet bij ons")
    await person.press(t("discard"))
    await person.sees(t("bulk_discard"), t("parked_none"))


async def _send_again(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.go("/console")
    await person.click(t("acts"))
    await person.click(t("new_replay"))
    await person.press(t("act_preview"))
    await person.sees(t.error("", "nothing_chosen", ""))
    await page.get_by_label(t("destination")).select_option("duo:verzuim")
    await page.get_by_label(t("schools_only")).fill("18ds")
    await person.press(t("act_preview"))
    await person.sees(t("act_preview_title"), f"{t('to_do')}\n1", "18DS")
    await person.press(t("act_confirm_replay", n=1))
    await person.sees(t("reason_missing"))
    await page.get_by_label(t("reason")).fill("DUO vroeg erom")
    await person.press(t("act_confirm_replay", n=1))
    await person.sees(
        t("asked"), t.act_state("running"), "DUO vroeg erom", t("yourself"), t("act_progress", n=0, all=1)
    )
    await page.get_by_label(t("reason")).fill("toch niet")
    await person.press(t("stop"))
    await person.sees(t("stopped"), t.act_state("cancelled"))


async def _find_and_follow_a_message(person: BrowserUser) -> None:
    """From the search to the school, its message, the preview of a repeat, and the audit; by keyboard alone."""
    t, page = person.t, person.page
    await person.go("/console")
    await page.get_by_label(t("search_label")).focus()
    await page.keyboard.type("18ds")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/schools/18DS")
    await person.checker.check()
    await person.sees(t("grid_title"), "RIO", t.status("processed"))
    await page.get_by_role("link", name=t("see_delivery")).first.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/deliveries/*")
    await person.checker.check()
    await person.sees(t("step_recorded"), t("step_planned"), t("neighbours"), t("this_one"))
    summary = page.locator("summary")
    await summary.focus()
    await page.keyboard.press("Enter")
    await person.sees('"specversion": "1.0"')
    await page.get_by_role("link", name=t("delivery_replay")).focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name=t("act_preview_title")).wait_for()
    await person.checker.check()
    await person.go("/console/audit")
    await person.sees(t.action("destination.held").capitalize(), "onderhoud bij DUO")
    await person.go("/console/deliveries?status=rejected")
    await person.sees(t("deliveries_none"))


async def test_the_overview_renews_itself_and_ends_with_the_session(
    browser: Browser, hub: Client, address: str, pool: Pool, late: str
) -> None:
    """What an operator reads comes by a stream; a logout elsewhere ends it, and the page asks for a login."""
    assert late
    token = hub.as_caller(Role.OPERATIONS).token
    assert token is not None
    async with logged_in_user(browser, address, token) as person:
        await person.go("/console")
        async with pool.acquire() as c:
            await c.execute("update destinations set held = true where name = 'duo:verzuim'")
        card = person.page.locator("#live article", has_text="Verzuim")
        await card.get_by_text(person.t.cause("held")).wait_for(timeout=A_WHILE)
        assert not await person.page.locator("#stale").is_visible()
        await pool.execute("delete from sessions")
        await person.page.wait_for_url(lambda url: "/login" in url, timeout=A_WHILE)
