"""A school changes its LAS, by clicking: asked, foreseen, confirmed; on a desk and on a phone, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from hub.domain.says import Language
from tests.support.api.school_calls import day
from tests.support.pages.browsing import KOMPAS, logged_in_user

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.api.client import Client


def told(iso: str) -> str:
    """Write a day as pages do."""
    return "-".join(reversed(iso.split("-")))


@pytest.mark.parametrize(("size", "language"), [("desktop", Language.DUTCH), ("phone", Language.ENGLISH)])
async def test_a_school_changes_its_las(
    browser: Browser, hub: Client, address: str, size: str, language: Language
) -> None:
    """The page warns that the old system goes on, shows who is told what, and does both by one confirmation."""
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    given = {"brin": "18DS", "serviceCode": "RIO", "supplierOin": KOMPAS}
    assert (await school.post("/v1/mandates", given)).status == 201
    assert school.token is not None
    async with logged_in_user(browser, address, school.token, size=size, language=language) as person:
        t, page = person.t, person.page
        await person.go("/mandaten/18DS/nieuw?dienst=RIO")
        await page.get_by_label(t("system")).select_option("Zandloper")
        await page.locator("#start").fill(day(30))
        await person.press(t("save"))
        await person.sees(
            t("succession_title", service="RIO"),
            t("old_without_end", old="Kompas"),
            t("new_begins", new="Zandloper", start=told(day(30))),
            t("old_stops", old="Kompas", end=told(day(29))),
            t("foreseen_ends", system="Kompas", end=told(day(29))),
            t("whole_school"),
            t("when_confirmed"),
        )
        await person.misses(t("divide"))
        await page.get_by_text(t("beside_title")).click()
        await person.sees(t("beside_branches", new="Zandloper"))
        await person.click(t("succession_back"))
        assert await page.get_by_label(t("system")).input_value() != ""
        await person.press(t("save"))
        await person.press(t("succession_confirm", new="Zandloper", old="Kompas"))
        await person.sees(t("succeeded"), t.state("future"), told(day(30)))
        await person.go("/mandaten/18DS")
        await person.sees(f"{t('until')} {told(day(29))}", told(day(30)))
        await person.misses(t("doubt_title"), t("divide"))
