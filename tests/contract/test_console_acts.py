"""Sending much again, or cancelling it, on pages: counted first, with a reason, and by two people when it is much."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from hub.access import Role
from tests.support.api.client import client_of
from tests.support.lanes.ledger_states import plan_all
from tests.support.pages.browsing import ZANDLOPER, enter_schools
from tests.support.pages.form_client import FormClient, log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub where schools wait for RIO, one with the end of a mandate, and anything takes two people."""
    async with pool.acquire() as c:
        await enter_schools(c)
    hub = client_of(tmp_path, pool, OPERATIONS__FOUR_EYES_ABOVE="0")
    school = hub.as_caller(Role.SCHOOL, bges=["41561"])
    for brin in ("18DS", "11OA"):
        given = {"brin": brin, "serviceCode": "RIO", "supplierOin": ZANDLOPER}
        made = (await school.post("/v1/mandates", given)).json
    await school.post(f"/v1/mandates/{made['id']}/withdrawal", {"reason": "x"})
    async with pool.acquire() as c:
        await plan_all(c)
    return hub


async def operator(hub: Client, mark: str) -> FormClient:
    """Be one of several operators."""
    return await log_in_as(hub, Role.OPERATIONS, brins=(mark,))


async def test_a_cancellation_is_counted_asked_for_and_approved_by_another(hub: Client) -> None:
    """The preview says what it comes to and that an end is among it; whoever asked cannot approve."""
    one, other = await operator(hub, "00AA"), await operator(hub, "00BB")
    form: dict[str, object] = {"destination": "duo:rio", "status": ["waiting"]}
    preview = (await one.ask("/console/acts/preview/cancellation", form)).body.decode()
    assert "Annuleer 3 berichten" in preview
    assert "1 van deze berichten melden het einde van een mandaat" in preview
    assert "Een andere beheerder moet het goedkeuren" in preview
    assert (await one.post("/console/acts/new/cancellation", form)).status == 400
    done = await one.post("/console/acts/new/cancellation", {**form, "reason": "dubbel"})
    act = done.headers["location"].partition("?")[0]
    own = await one.text(act)
    assert "U hebt dit zelf gevraagd" in own
    assert 'value="approve"' not in own
    refused = await one.post(act, {"button": "approve", "reason": "snel"})
    assert (refused.status, "U hebt dit zelf gevraagd." in refused.body.decode()) == (400, True)
    assert 'value="approve"' in await other.text(act)
    assert (await other.post(act, {"button": "approve", "reason": ""})).status == 400
    assert (await other.post(act, {"button": "approve", "reason": "gezien"})).status == 303
    assert "bezig" in await other.text(act)
    assert (await other.post(act, {"button": "explode", "reason": "x"})).status == 404
    assert (await one.post(act, {"button": "stop", "reason": "genoeg"})).status == 303
    assert "gestopt" in await one.text("/console/acts")


async def test_what_one_began_before_is_said_on_both_pages(hub: Client, pool: Pool) -> None:
    """The preview counts what the same operator began alone, and whoever is to approve reads it too."""
    one, other = await operator(hub, "00AA"), await operator(hub, "00BB")
    form: dict[str, object] = {"destination": "duo:rio", "status": ["waiting"], "reason": "dubbel"}
    first = (await one.post("/console/acts/new/cancellation", form)).headers["location"].partition("?")[0]
    alone = "update bulk_jobs set state = 'running', asked_at = asked_at - interval '1 hour'"
    async with pool.acquire() as c:
        await c.execute(f"{alone} where id = $1", UUID(first.rpartition("/")[2]))
    preview = (await one.ask("/console/acts/preview/cancellation", form)).body.decode()
    assert "Met 3 van u sinds" in preview
    assert "zijn dit er meer dan 0 in 24 uur" in preview
    second = (await one.post("/console/acts/new/cancellation", form)).headers["location"].partition("?")[0]
    assert "begon sinds" in await other.text(second)
    assert "al alleen aan 3" in await other.text(second)
    assert "al alleen aan" not in await other.text(first)


async def test_what_cannot_be_read_is_said_beside_its_field(hub: Client) -> None:
    """Schools, days and the pace are checked, all at once; what was typed stays."""
    one = await operator(hub, "00AA")
    form: dict[str, object] = {"brins": "18DS, 1", "from": "morgen", "to": "x", "rate": "0"}
    reply = await one.ask("/console/acts/preview/replay", form)
    text = reply.body.decode()
    assert (reply.status, text.count('aria-invalid="true"')) == (400, 4)
    assert 'value="18DS, 1"' in text
    for wrong in ({"destination": "duo:none"}, {"brins": "99ZZ"}, {"from": "2026-11-25", "to": "2026-11-01"}, {}):
        assert (await one.ask("/console/acts/preview/replay", wrong)).status == 400
    found: dict[str, object] = {"brins": "18ds 11oa", "from": "2020-01-01", "to": "2099-01-01"}
    waits = (await one.ask("/console/acts/preview/replay", found)).body.decode()
    assert "Er is niets te doen." in waits, "what waits is not sent twice"
    back = await one.ask("/console/acts/new/replay", found)
    assert (back.status, 'value="18ds 11oa"' in back.body.decode()) == (200, True)


async def test_acts_are_for_operations(hub: Client) -> None:
    """A school finds neither the list nor the form, and its button does nothing."""
    school = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    for path in ("/console/acts", "/console/acts/new/replay", "/console/acts/preview/replay"):
        assert (await school.get(path)).headers["location"] == "/mandaten"
    assert (await school.post("/console/acts/new/replay", {"reason": "x"})).headers["location"] == "/mandaten"
    one = await operator(hub, "00AA")
    assert (await one.get("/console/acts/new/strange")).status == 404
    assert (await one.get("/console/acts/0190a3c2-0000-7000-8000-000000000000")).status == 404
