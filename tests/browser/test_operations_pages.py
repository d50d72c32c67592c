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
        await _hold_one_school(person)
        await _decide_on_records(person)
        await _send_again(person)
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
    assert await first.get_by_role("link").inner_text() == "duo:rio"
    await person.checker.check()
    await person.sees("osr-consume forward")


async def _hold_and_release(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.click("duo:rio")
    await person.press(t("hold"))
    await person.sees(t("reason_missing"))
    await page.get_by_label(t("reason")).fill("onderhoud bij DUO")
    await person.press(t("hold"))
    await person.sees(t("held"), t.cause("held"), t("is_held"))
    await page.get_by_label(t("reason")).fill("klaar")
    await person.press(t("release"))
    await person.sees(t("released"), t("is_open"))


async def _hold_one_school(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await page.get_by_label(t("only_school")).fill("99zz")
    await page.get_by_label(t("reason")).fill("onderzoek")
    await person.press(t("hold"))
    await person.sees(t("no_such_school", brin="99ZZ"))
    assert await page.get_by_label(t("reason")).input_value() == "onderzoek"
    await page.get_by_label(t("only_school")).fill("18ds")
    await person.press(t("hold"))
    await person.sees("18DS")
    await page.locator("#reason-18DS").fill("klaar")
    await person.press(t("release_one", brin="18DS"))
    await person.sees(t("no_held_schools"))


async def _decide_on_records(person: BrowserUser) -> None:
    t, page = person.t, person.page
    await person.click(t("operations"))
    unknown, known = page.locator("[id^=parked-]").nth(0), page.locator("[id^=parked-]").nth(1)
    await unknown.get_by_text(t("content")).click()
    await person.sees(t.parked("unknown_delivery"), "*********")
    await unknown.get_by_label(t("reason")).fill("nog eens")
    await unknown.get_by_role("button", name=t("retry")).click()
    await person.sees(t.error("", "unknown_delivery", ""))
    await person.checker.check()
    await person.click(t("back"))
    await known.get_by_label(t("reason")).fill("DUO was te vroeg")
    await known.get_by_role("button", name=t("retry")).click()
    await person.sees(t("retried"))
    await unknown.get_by_label(t("reason")).fill("hoort niet bij ons")
    await unknown.get_by_role("button", name=t("discard")).click()
    await person.sees(t("discarded"))
    await person.misses(t("parked_records"))


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
    await person.sees(t("asked"), t.act_state("running"), "DUO vroeg erom", t("yourself"))
    await page.get_by_label(t("reason")).fill("toch niet")
    await person.press(t("stop"))
    await person.sees(t("stopped"), t.act_state("cancelled"))
