"""The page of a destination: its name, what it answered, who waits, who holds it and why, only buttons that apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from tests.support.api.school_calls import mandate_request, open_hub
from tests.support.lanes.ledger_states import fail, plan_all
from tests.support.pages.form_client import log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

RIO = "/console/destinations/duo:rio"


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub whose school waits for RIO."""
    hub = await open_hub(pool, tmp_path)
    await hub.as_caller(Role.SCHOOL, brins=["18DS"]).post("/v1/mandates", mandate_request(serviceCode="RIO"))
    async with pool.acquire() as c:
        await plan_all(c)
    return hub


async def test_the_page_says_what_is_late_and_who_waits(hub: Client, pool: Pool) -> None:
    """By its name for people, with the receiver's own words and the schools that wait, each with its first message."""
    async with pool.acquire() as c:
        await fail(c, "duo:rio")
        await c.execute("update attempts set answer = 'tot 09:30 dicht', http_status = 503")
    operator = await log_in_as(hub, Role.OPERATIONS)
    page = await operator.text(RIO)
    delivery = await pool.fetchval("select id from deliveries")
    assert "<h1>RIO</h1>" in page
    assert "tot 09:30 dicht" in page
    assert "95 % binnen 60 s afgeleverd en binnen 2 dagen verwerkt" in page.replace("48 uur", "2 dagen")
    assert f'href="/console/deliveries/{delivery}">1 bericht wacht</a>' in page
    assert "Volgende poging" in page


async def test_only_the_button_that_applies_is_there(hub: Client) -> None:
    """An open destination can be held, a held one released; it says who holds it, why and since when."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    page = await operator.text(RIO)
    assert ('value="hold"' in page, 'value="release"' in page) == (True, False)
    await operator.post(RIO, {"button": "hold", "reason": "storing bij DUO"})
    page = await operator.text(RIO)
    assert ('value="hold"' in page, 'value="release"' in page) == (False, True)
    assert "Tegengehouden door " in page
    assert ": storing bij DUO" in page


async def test_a_hold_of_one_school_survives_the_release_of_all(hub: Client, pool: Pool) -> None:
    """It is listed with its reason, and has a button of its own."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    for form in ({"button": "hold", "brin": "18DS", "reason": "onderzoek"}, {"button": "hold", "reason": "storing"},
                 {"button": "release", "reason": "klaar"}):  # fmt: skip
        assert (await operator.post(RIO, dict(form))).status == 303
    page = await operator.text(RIO)
    assert ": onderzoek" in page
    assert "18DS vrijgeven" in page
    assert await pool.fetchval("select held from lanes where brin = '18DS'")


async def test_the_schools_that_wait_are_paged(hub: Client, pool: Pool) -> None:
    """What is behind the last school shown is on the next page."""
    page = await (await log_in_as(hub, Role.OPERATIONS)).text(f"{RIO}?after=18DS")
    assert "Er wacht geen school." in page
    assert await pool.fetchval("select count(*) from lanes") == 1
