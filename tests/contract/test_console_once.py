"""Operators' forms: each ends in a redirect, acts once, and comes back as it was filled in when it was refused."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from hub.access import Role
from hub.store.reports import park_record
from tests.support.api.school_calls import mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, report_record
from tests.support.pages.form_client import log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client
    from tests.support.pages.form_client import FormClient

    Form = dict[str, Any]

TOKEN = re.compile(r'name="once" value="([\w-]+)"')
WHY = "onderzoek <b>1</b>"


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub whose school granted RIO, with a message that waits and two records that are parked."""
    hub = await open_hub(pool, tmp_path)
    await hub.as_caller(Role.SCHOOL, brins=["18DS"]).post("/v1/mandates", mandate_request(serviceCode="RIO"))
    async with pool.acquire() as c:
        await plan_all(c)
        for nth in range(2):
            await park_record(c, report_record(str(uuid4())) | {"offset": nth})
    return hub


async def forms(operator: FormClient, pool: Pool) -> list[tuple[str, str, Form]]:
    """Return the page of each form, the address to which it is sent, and what is filled in besides the reason."""
    one = await pool.fetchval("select id from deliveries")
    records = [str(row["id"]) for row in await pool.fetch("select id from parked_records order by id")]
    job = await operator.submit("/console/acts/new/cancellation", {"destination": "duo:rio", "reason": "eerst"})
    act = job.headers["location"].partition("?")[0]
    place, message = "/console/destinations/duo:rio", f"/console/deliveries/{one}"
    return [
        (place, place, {"button": "hold", "brin": "18DS"}),
        ("/console/parked", "/console/parked", {"button": "discard", "record": records}),
        (
            "/console/acts/preview/cancellation?brins=18DS",
            "/console/acts/new/cancellation",
            {"brins": "18DS", "status": ["waiting"]},
        ),
        (act, act, {"button": "stop"}),
        (
            f"{place}/objective",
            f"{place}/objective",
            {"button": "set", "transport": "30", "processing": "0,5", "share": "99,5", "version": "1"},
        ),
        (message, message, {"button": "cancel"}),
    ]


async def test_a_form_pressed_twice_acts_once(hub: Client, pool: Pool) -> None:
    """Both lead to the same page, and the audit has one entry; each form of the console, with the token of its page."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    for page, address, fields in await forms(operator, pool):
        token = TOKEN.search(await operator.text(page))
        assert token is not None, page
        before = await pool.fetchval("select count(*) from audit")
        form = {**fields, "reason": "een keer", "once": token[1]}
        first = await operator.submit(address, form)
        after = await pool.fetchval("select count(*) from audit")
        again = await operator.submit(address, form)
        assert (first.status, again.status) == (303, 303), address
        assert again.headers["location"] == first.headers["location"]
        assert await pool.fetchval("select count(*) from audit") == after > before
        shown = await operator.get(first.headers["location"])
        assert (shown.status, "<form" in shown.body.decode()) == (200, True), address


async def test_a_refused_form_comes_back_as_it_was_filled_in(hub: Client, pool: Pool) -> None:
    """Without a reason, or with one that is too long: a redirect to the page, which says so and has what was typed."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    for _, address, fields in await forms(operator, pool):
        for reason, says in (("", "Vul een reden in"), (WHY * 100, "korter dan 1.000")):
            refused = await operator.submit(address, {**fields, "reason": reason})
            assert refused.status == 303, address
            page = (await operator.get(refused.headers["location"])).body.decode()
            assert says in page, address
            assert 'aria-invalid="true"' in page
            assert escape(reason) in page
            assert page.count(" checked>") + page.count(" checked ") >= len(fields.get("record", ()))
    assert await pool.fetchval("select count(*) from parked_records where state = 'open'") == 2


async def test_the_reason_of_a_school_is_missed_at_its_own_form(hub: Client) -> None:
    """Each school that is held has a form of its own, and the complaint stands there."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    place = "/console/destinations/duo:rio"
    await operator.text(place)
    await operator.post(place, {"button": "hold", "brin": "18DS", "reason": "onderzoek"})
    refused = await operator.post(place, {"form": "school", "button": "release", "brin": "18DS", "reason": ""})
    page = refused.body.decode()
    assert 'id="reason-18DS-fault"' in page
    assert 'id="reason-fault"' not in page


async def test_a_kept_form_is_of_its_own_session(hub: Client, pool: Pool) -> None:
    """The address of another operator's form shows an empty one."""
    one, other = await log_in_as(hub, Role.OPERATIONS), await log_in_as(hub, Role.OPERATIONS, brins=("00AA",))
    refused = await one.submit("/console/destinations/duo:rio", {"button": "hold", "brin": "99ZZ", "reason": "geheim"})
    assert "geheim" in (await one.get(refused.headers["location"])).body.decode()
    assert "geheim" not in (await other.get(refused.headers["location"])).body.decode()
    assert await pool.fetchval("select count(*) from destinations where held") == 0
