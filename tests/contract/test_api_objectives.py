"""Objectives of destinations: set by an operator, and how they are met."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Role
from hub.store.meters import Meters
from tests.support.api.school_calls import mandate_request, open_hub
from tests.support.lanes.ledger_states import fail, plan_all, take
from tests.support.pages.form_client import log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Connection, Pool
    from tests.support.api.client import Client
    from tests.support.pages.form_client import FormClient


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with one planned mandate for RIO."""
    hub = await open_hub(pool, tmp_path)
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    assert (await school.post("/v1/mandates", mandate_request(serviceCode="RIO"))).status == 201
    async with pool.acquire() as c:
        await plan_all(c)
    return hub


@pytest.fixture
def operator(hub: Client) -> Client:
    """Be operations."""
    return hub.as_caller(Role.OPERATIONS)


async def lag_of(operator: Client, name: str) -> dict[str, Any]:
    """Read how late one destination is."""
    body = (await operator.get("/v1/lag")).json
    return next(each for each in body["destinations"] if each["destination"] == name)


async def test_an_operator_gives_a_destination_an_objective(operator: Client, hub: Client, pool: Pool) -> None:
    """With a reason and the version that it changes; what is later than that waits for the back office."""
    path = "/v1/destinations/duo:rio"
    tag = (await operator.get(path)).headers["etag"]
    wanted = {"transportSeconds": 30, "processingSeconds": 3600, "share": 0.99}
    body = {"objective": wanted, "reason": "agreed with DUO"}
    assert (await operator.call("PATCH", path, body)).status == 428
    assert (await hub.as_caller(Role.DUO).call("PATCH", path, body, headers={"If-Match": tag})).status == 403
    wrong = {"objective": {**wanted, "share": 1, "transportSeconds": 0}, "reason": "x"}
    refused = await operator.call("PATCH", path, wrong, headers={"If-Match": tag})
    assert {error["field"] for error in refused.json["errors"]} == {"/objective/share", "/objective/transportSeconds"}
    done = await operator.call("PATCH", path, body, headers={"If-Match": tag})
    assert (done.status, done.json["objective"]) == (200, wanted)
    assert (await operator.call("PATCH", path, body, headers={"If-Match": tag})).status == 412
    entry = (await operator.get("/v1/audit")).json["items"][0]
    assert (entry["action"], entry["reason"]) == ("destination.objective_changed", "agreed with DUO")
    async with pool.acquire() as c:
        await take(c, "duo:rio")
        await c.execute("update deliveries set delivered_at = delivered_at - interval '2 hours'")
    assert (await lag_of(operator, "duo:rio"))["cause"] == "back_office"
    tag = done.headers["etag"]
    back = await operator.call("PATCH", path, {"objective": None, "reason": "y"}, headers={"If-Match": tag})
    assert back.json["objective"]["processingSeconds"] == 172800
    assert (await lag_of(operator, "duo:rio"))["cause"] == "none"


async def test_what_met_its_objective_is_counted(operator: Client, pool: Pool) -> None:
    """Per measurement, in the process that measured; the share and the burn rate follow from it."""
    async with pool.acquire() as c:
        await measure(c, *(1.0,) * 18, *(61.0,) * 2)
    objective = (await lag_of(operator, "duo:rio"))["objective"]
    assert objective["metShare"] == pytest.approx(0.9)
    assert objective["burnRate"] == pytest.approx(2.0)


async def test_what_waits_past_its_objective_is_no_longer_met(hub: Client, operator: Client, pool: Pool) -> None:
    """A receiver that is down misses its objective while nothing is finished: in the answers, metrics and pages."""
    async with pool.acquire() as c:
        await measure(c, *(1.0,) * 3)
        await fail(c, "duo:rio")
        await c.execute(
            """update deliveries set planned_at = planned_at - interval '26 minutes', cause = gen_random_uuid(),
                      failed_since = failed_since - interval '26 minutes'"""
        )
        objective = (await lag_of(operator, "duo:rio"))["objective"]
        assert objective["overdue"] == {"transport": 1, "processing": 0, "isAtLeast": False}
        assert (objective["metShare"], objective["burnRate"]) == (0.75, pytest.approx(5.0))
        assert objective["budgetLeft"] == pytest.approx(-4.0)
        scraped = (await hub.get("/metrics")).body.decode()
        for line in (
            'osr_hub_objective_met_share{destination="duo:rio"} 0.75',
            'osr_hub_objective_overdue{destination="duo:rio",hop="transport"} 1.0',
            'osr_hub_objective_total{destination="duo:rio",result="missed"} 0.0',
        ):
            assert line in scraped
        page = await log_in_as(hub, Role.OPERATIONS)
        for path in ("/console", "/console/destinations/duo:rio"):
            words = await page.text(path)
            assert "75 % (1 bericht is al te laat en telt mee)" in words
            assert "100 %" not in words
        await c.execute("update lanes set due = now() where due is not null")
        assert await take(c, "duo:rio") == 1
        await measure(c, 1560.0)
    objective = (await lag_of(operator, "duo:rio"))["objective"]
    assert (objective["metShare"], objective["overdue"]["transport"]) == (0.75, 0)


async def measure(c: Connection, *transport_seconds: float) -> None:
    """Measure messages to the queue for RIO, as a forwarder does when they were taken."""
    meters = Meters()
    rio = await c.fetchval("select id from destinations where name = 'duo:rio'")
    for seconds in transport_seconds:
        meters.observe(rio, "transport", seconds)
    await meters.flush(c, 7)


PAGE = "/console/destinations/duo:rio/objective"
VERSION = re.compile(r'name="version" value="([0-9]+)"')


async def version_on(page: FormClient) -> str:
    """Open the form and return the version that it would change."""
    found = VERSION.search(await page.text(PAGE))
    assert found is not None
    return found[1]


async def test_an_operator_sets_an_objective_on_a_page(hub: Client, operator: Client, pool: Pool) -> None:
    """In the units of people; the audit has who and why, and the settings' objective can be taken again."""
    page = await log_in_as(hub, Role.OPERATIONS)
    shown = await page.text(PAGE)
    assert [f'value="{each}"' in shown for each in ("60", "48", "95")] == [True] * 3
    assert "Neem deze afspraak weer over" not in shown
    form: dict[str, object] = {"button": "set", "version": await version_on(page), "transport": "30",
                               "processing": "0,5", "share": "99,9", "reason": "afgesproken met DUO"}  # fmt: skip
    done = await page.submit(PAGE, form)
    assert (done.status, done.headers["location"]) == (303, "/console/destinations/duo:rio?done=objective_set")
    assert "De afspraak is opgeslagen." in await page.text(done.headers["location"])
    objective = (await operator.get("/v1/destinations/duo:rio")).json["objective"]
    assert objective == {"transportSeconds": 30, "processingSeconds": 1800, "share": 0.999}
    entry = (await operator.get("/v1/audit")).json["items"][0]
    assert (entry["action"], entry["reason"], entry["after"]["share"]) == (
        "destination.objective_changed", "afgesproken met DUO", 0.999,
    )  # fmt: skip
    assert 'value="0,5"' in await page.text(PAGE)
    back: dict[str, object] = {
        "button": "default",
        "version": await version_on(page),
        "reason": "proef is klaar",
        "share": "x",
    }
    assert (await page.submit(PAGE, back)).status == 303
    assert await pool.fetchval("select objective_share from destinations where name = 'duo:rio'") is None


async def test_a_refused_objective_is_shown_again(hub: Client, operator: Client) -> None:
    """Every field says what is wrong with it, and what another operator changed is not overwritten."""
    page = await log_in_as(hub, Role.OPERATIONS)
    assert (await page.get("/console/destinations/duo:none/objective")).status == 404
    version = await version_on(page)
    wrong = {"button": "set", "version": version, "transport": "-1", "processing": "1e3", "share": "100", "reason": ""}
    text = (await page.post(PAGE, dict(wrong))).body.decode()
    assert [f'href="#{each}"' in text for each in ("transport", "processing", "share", "reason")] == [True] * 4
    assert 'value="1e3"' in text
    tag = (await operator.get("/v1/destinations/duo:rio")).headers["etag"]
    wanted = {"transportSeconds": 5, "processingSeconds": 3600, "share": 0.9}
    body = {"objective": wanted, "reason": "x"}
    assert (await operator.call("PATCH", "/v1/destinations/duo:rio", body, headers={"If-Match": tag})).status == 200
    right = wrong | {"transport": "30", "processing": "1", "share": "95", "reason": "y"}
    refused = await page.post(PAGE, dict(right))
    assert (refused.status, 'value="30"' in refused.body.decode()) == (400, True)
    assert (await operator.get("/v1/destinations/duo:rio")).json["objective"] == wanted


async def test_a_school_sets_no_objective(hub: Client, operator: Client) -> None:
    """The page sends a school to its schools, and its form changes nothing."""
    school = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    await school.text("/mandaten/18DS")
    before = (await operator.get("/v1/destinations/duo:rio")).json["objective"]
    form: dict[str, object] = {"button": "set", "version": "1", "transport": "1", "processing": "1", "share": "1",
                               "reason": "x"}  # fmt: skip
    assert (await school.submit(PAGE, form)).headers["location"] == "/mandaten"
    assert (await school.get(PAGE)).headers["location"] == "/mandaten"
    assert (await operator.get("/v1/destinations/duo:rio")).json["objective"] == before
