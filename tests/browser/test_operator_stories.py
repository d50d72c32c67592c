"""What an operator does at five to nine, from the overview to the act: by keyboard alone, on a desk and on a phone.

A system that is down, DUO that rejects, a school that asks, a destination to release, a day to send again.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest

from hub.access import Role
from hub.domain.says import Language
from hub.domain.system import Contact, System
from hub.store.register import write_systems
from schemas.identifiers import Oin
from tests.support.lanes.ledger_states import fail, plan_all, report, take
from tests.support.pages.browsing import ZANDLOPER, logged_in_user
from tests.support.pages.keyboard import enter_at, tab_to
from tests.support.register.subscriptions import subscribed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from hub.store.pool import Pool
    from tests.support.api.client import Client
    from tests.support.pages.browsing import BrowserUser

A_WHILE: Final = 60_000.0
WORDS: Final = "onderhoud tot 09:30"
REJECTION: Final = "De vestiging is niet erkend."
LAS: Final = f"las:{ZANDLOPER}"
DOWN: Final = """
update destinations set circuit = 'open', circuit_since = now(), circuit_cause = 'unreachable', circuit_openings = 1,
       circuit_error = 'the receiver answered 503 Service Unavailable', probe_at = now() + interval '10 minutes'
 where name = $1
"""
SETTINGS: Final = [
    pytest.param("desktop", Language.DUTCH, id="desktop-nl"),
    pytest.param("phone", Language.ENGLISH, id="phone-en"),
]


@pytest.fixture
async def morning(hub: Client, pool: Pool) -> Client:
    """Give a hub where a system is down, DUO rejected a message, and RIO is held."""
    school = hub.as_caller(Role.SCHOOL, bges=["41561"])
    async with pool.acquire() as c:
        contact = Contact(phone="030 123 45 67")
        offered = frozenset({"BRON_PO", "VERZUIM", "RIO", "VVA"})
        await write_systems(
            c, [System(supplier_oin=Oin(ZANDLOPER), name="Zandloper", service_codes=offered, contact=contact)]
        )
        await subscribed(c, Oin(ZANDLOPER))
    await hub.as_caller(Role.OPERATIONS).post("/v1/destinations/duo:rio/hold", {"brins": None, "reason": "onderhoud"})
    for brin, service in (("18DS", "VVA"), ("18DS", "VERZUIM"), ("18DS", "RIO"), ("11OA", "BRON_PO")):
        given = await school.post("/v1/mandates", {"brin": brin, "serviceCode": service, "supplierOin": ZANDLOPER})
        assert given.status == 201
    async with pool.acquire() as c:
        await plan_all(c)
        await take(c, "duo:verzuim", "duo:bron-po")
        one = await c.fetchval("select d.id from deliveries d join destinations x on x.id = d.destination "
                               "where x.name = 'duo:verzuim'")  # fmt: skip
        await report(c, str(one), "rejected", REJECTION)
        assert await fail(c, LAS) == 1
        await c.execute("update attempts set http_status = 503, answer = $1", WORDS)
        await c.execute(DOWN, LAS)
    return hub


@asynccontextmanager
async def on_duty(browser: Browser, hub: Client, address: str, size: str, language: Language) -> AsyncIterator[Duty]:
    """Yield an operator at the overview."""
    token = hub.as_caller(Role.OPERATIONS).token
    assert token is not None
    async with logged_in_user(browser, address, token, size=size, language=language) as person:
        await person.go("/console")
        yield Duty(person)


class Duty:
    """An operator without a mouse."""

    def __init__(self, person: BrowserUser) -> None:
        self.person, self.page, self.t = person, person.page, person.t

    async def enter(self, words: str) -> None:
        """Press Enter at a link or a button, and check the page to which it leads."""
        await enter_at(self.page, words)
        await self.person.checker.check()

    async def act(self, button: str, reason: str) -> None:
        """Give a reason and press a button."""
        await self.page.locator("body").focus()
        await tab_to(self.page, self.t("reason"))
        await self.page.keyboard.type(reason)
        await tab_to(self.page, button)
        async with self.page.expect_navigation():
            await self.page.keyboard.press("Enter")
        await self.person.checker.check()

    async def sees(self, *texts: str) -> None:
        """Assert what the page shows."""
        await self.person.sees(*texts)


@pytest.mark.parametrize(("size", "language"), SETTINGS)
async def test_a_system_is_down(browser: Browser, morning: Client, address: str, size: str, language: Language) -> None:
    """Its card says since when and whose turn it is; its page what it wrote, whom to call, and when it is tried."""
    async with on_duty(browser, morning, address, size, language) as duty:
        t = duty.t
        card = duty.page.locator("#live article", has_text="Zandloper")
        await card.get_by_text(t.cause("receiver_down")).wait_for(timeout=A_WHILE)
        await duty.enter(f"{t('press_here')}: Zandloper, VVA")
        await duty.sees(WORDS, "030 123 45 67", t("next_attempt"), t("is_circuit_open"), t("runbook"))
        await duty.act(t("hold"), "tot de leverancier belt")
        await duty.sees(t("held"), "tot de leverancier belt")
        await duty.enter(t("runbook"))
        assert duty.page.url.endswith("/docs/runbook#held")


@pytest.mark.parametrize(("size", "language"), SETTINGS)
async def test_duo_rejects(browser: Browser, morning: Client, address: str, size: str, language: Language) -> None:
    """The list has DUO's own words; the message shows every step, and its state is sent again after a preview."""
    async with on_duty(browser, morning, address, size, language) as duty:
        t = duty.t
        await duty.enter(t("tile_rejected"))
        await duty.sees(REJECTION)
        await duty.enter("Verzuim: 18DS De Boog")
        await duty.sees(t("step_recorded"), t("step_delivered"), REJECTION, t("neighbours"))
        await duty.page.locator("body").focus()
        await tab_to(duty.page, t("message_shown"))
        await duty.page.keyboard.press("Enter")
        await duty.sees('"specversion": "1.0"')
        await duty.enter(t("delivery_replay"))
        await duty.sees(t("act_preview_title"), t("act_rate"), "Verzuim: 1")
        await duty.act(t("act_confirm_replay"), "DUO heeft het hersteld")
        await duty.sees(t("asked"), "DUO heeft het hersteld", t("act_progress", n=0, all=1))


@pytest.mark.parametrize(("size", "language"), SETTINGS)
async def test_a_school_asks(browser: Browser, morning: Client, address: str, size: str, language: Language) -> None:
    """One search leads to each branch by each service, who holds what and why, whom to call, and each message."""
    async with on_duty(browser, morning, address, size, language) as duty:
        t = duty.t
        await tab_to(duty.page, t("search_label"))
        await duty.page.keyboard.type("18ds")
        async with duty.page.expect_navigation():
            await duty.page.keyboard.press("Enter")
        await duty.person.checker.check()
        await duty.sees(t("grid_title"), t.status("rejected"), t.status("held"), "onderhoud", "030 123 45 67")
        await duty.enter(f"{t('see_delivery')} 18DS00, RIO, Zandloper")
        await duty.sees(t("next_when_released"), t("why_held_by_operator"))


@pytest.mark.parametrize(("size", "language"), SETTINGS)
async def test_a_destination_is_released(
    browser: Browser, morning: Client, address: str, size: str, language: Language
) -> None:
    """The card says who holds it and why; without a reason the button says so, with one it lets go."""
    async with on_duty(browser, morning, address, size, language) as duty:
        t = duty.t
        card = duty.page.locator("#live article", has_text="RIO")
        await card.get_by_text(t.cause("held"), exact=True).first.wait_for(timeout=A_WHILE)
        await card.get_by_text("onderhoud").wait_for()
        await duty.enter(f"{t('press_here')}: RIO")
        await duty.enter(t("release"))
        await duty.sees(t("reason_missing"))
        await duty.act(t("release"), "DUO is klaar")
        await duty.sees(t("released"), t("is_open"))


@pytest.mark.parametrize(("size", "language"), SETTINGS)
async def test_a_day_is_sent_again(
    browser: Browser, morning: Client, address: str, size: str, language: Language
) -> None:
    """Yesterday is one press, today another; the preview has period, rate, duration and mix; the job can be stopped."""
    async with on_duty(browser, morning, address, size, language) as duty:
        t, page = duty.t, duty.page
        await duty.enter(t("acts"))
        await duty.enter(t("new_replay"))
        await tab_to(page, t("destination"))
        await page.keyboard.type("BRON")
        await duty.enter(t("preset_yesterday"))
        await duty.sees(t("act_nothing"), t("act_period"))
        await duty.enter(t("choose_again"))
        await duty.enter(t("preset_today"))
        await duty.sees(t("act_rate"), "BRON po (ROD po): 1")
        await duty.act(t("act_confirm_replay"), "DUO vroeg erom")
        await duty.sees(t("asked"), t.act_state("running"))
        await duty.act(t("stop"), "toch niet")
        await duty.sees(t("stopped"), t.act_state("cancelled"))


async def test_going_back_reloading_and_pressing_twice(
    browser: Browser, morning: Client, address: str, pool: Pool
) -> None:
    """No page asks to send a form again, nothing is lost, and two presses are one act."""
    async with on_duty(browser, morning, address, "desktop", Language.DUTCH) as duty:
        t, page = duty.t, duty.page
        await duty.person.go("/console/destinations/duo:verzuim")
        await page.get_by_label(t("reason")).fill("onderzoek")
        await page.get_by_label(t("only_school")).fill("99ZZ")
        await duty.person.press(t("hold"))
        refused = page.url
        await page.reload()
        assert page.url == refused
        assert await page.get_by_label(t("reason")).input_value() == "onderzoek"
        await page.get_by_label(t("only_school")).fill("")
        await page.get_by_role("button", name=t("hold")).dblclick()
        await page.wait_for_url("**done=held")
        await page.reload()
        await duty.sees(t("held"))
        await page.go_back()
        assert page.url == refused
        await duty.sees(t("destination_is_held"))
        await page.go_back()
        await page.go_forward()
        await duty.person.checker.check()
    held = "select count(*) from audit where action = 'destination.held' and reason = 'onderzoek'"
    assert await pool.fetchval(held) == 1
