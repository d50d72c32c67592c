"""What DUO's engineer proves from outside: what it holds against what it was sent, and which reports were put aside."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from hub.access import Role
from hub.clock import now
from hub.store import reports
from tests.support.api.school_calls import ONE, OTHER, R2, day, mandate_request, open_hub, patch
from tests.support.lanes.ledger_states import plan_all, report_record, take

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

NOTHING: dict[str, Any] = {"missing": [], "outdated": [], "unknown": [], "pending": []}


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub in which two schools gave mandates for RIO to two systems, all of which DUO took."""
    hub = await open_hub(pool, tmp_path)
    for brin, supplier in (("18DS", ONE), ("00AA", OTHER)):
        branches = [{"branch": "18DS01", "routingId": R2}] if brin == "18DS" else []
        body = mandate_request(brin=brin, serviceCode="RIO", supplierOin=supplier, branches=branches)
        assert (await hub.as_caller(Role.SCHOOL, brins=[brin]).post("/v1/mandates", body)).status == 201
    await settle(pool)
    return hub


async def settle(pool: Pool) -> None:
    """Plan everything and let DUO take it."""
    async with pool.acquire() as c:
        await plan_all(c)
        await take(c, "duo:rio")


async def mandate_of(hub: Client, brin: str) -> str:
    """Read the id of a school's mandate."""
    items = (await hub.as_caller(Role.SCHOOL, brins=[brin]).get("/v1/mandates")).json["items"]
    return str(items[0]["id"])


def unit(mandate: str, branch: str | None = None, version: int = 1) -> dict[str, Any]:
    """Write a unit as DUO holds it."""
    return {"mandateId": mandate, "branch": branch, "mandateVersion": version}


async def reconcile(hub: Client, *units: dict[str, Any], brins: Sequence[str] | None = None) -> dict[str, Any]:
    """Compare RIO as DUO, and return per list the (school, branch, version) of what it names."""
    body = {"serviceCode": "RIO", "units": list(units), **({} if brins is None else {"brins": brins})}
    reply = await hub.as_caller(Role.DUO).post("/v1/reconciliation", body)
    assert reply.status == 200, reply.body
    shown: dict[str, Any] = {
        name: sorted((m["partitionkey"], m.get("branch") or "", m["data"]["mandateVersion"]) for m in reply.json[name])
        for name in ("missing", "outdated", "pending")
    }
    return {**shown, "unknown": reply.json["unknown"]}


async def test_duo_compares_all_schools_or_a_page_of_them(hub: Client) -> None:
    """Over all schools everything is missing; a page names only what is missing there; together they are complete."""
    told = [("00AA", "", 1), ("18DS", "", 1), ("18DS", "18DS01", 1)]
    assert await reconcile(hub) == {**NOTHING, "missing": told}
    assert await reconcile(hub, brins=["00AA"]) == {**NOTHING, "missing": told[:1]}
    assert await reconcile(hub, brins=["18DS", "99ZZ"]) == {**NOTHING, "missing": told[1:]}


async def test_duo_holds_what_every_system_was_mandated(hub: Client) -> None:
    """Who holds everything must change nothing; an invented unit is unknown."""
    boog, eerste, invented = await mandate_of(hub, "18DS"), await mandate_of(hub, "00AA"), unit(str(uuid4()))
    held = [unit(boog), unit(boog, "18DS01"), unit(eerste)]
    assert await reconcile(hub, *held) == NOTHING
    assert await reconcile(hub, *held, invented) == {**NOTHING, "unknown": [invented]}


async def test_a_unit_of_a_school_outside_the_page_is_named_and_not_called_unknown(hub: Client) -> None:
    """The unit of the other school is an error of the request, at its place."""
    body = {"serviceCode": "RIO", "brins": ["18DS"], "units": [unit(await mandate_of(hub, "00AA"))]}
    reply = await hub.as_caller(Role.DUO).post("/v1/reconciliation", body)
    assert (reply.status, [(e["field"], e["code"]) for e in reply.json["errors"]]) == (
        400,
        [("/units/0/mandateId", "other_school")],
    )


async def test_a_change_is_pending_until_the_queue_has_it(hub: Client, pool: Pool) -> None:
    """An older version is pending while the newer one waits, and outdated once the queue took it."""
    mandate = await mandate_of(hub, "00AA")
    await patch(hub.as_caller(Role.SCHOOL, brins=["00AA"]), f"/v1/mandates/{mandate}", {"endDate": "2099-01-01"}, 1)
    async with pool.acquire() as c:
        await plan_all(c)
    assert await reconcile(hub, unit(mandate), brins=["00AA"]) == {**NOTHING, "pending": [("00AA", "", 2)]}
    await settle(pool)
    assert await reconcile(hub, unit(mandate), brins=["00AA"]) == {**NOTHING, "outdated": [("00AA", "", 2)]}


async def test_a_unit_that_ran_out_is_not_missing_at_duo(hub: Client, pool: Pool) -> None:
    """No message tells DUO that an end date passed: whoever dropped the unit that day misses nothing."""
    mandate = await mandate_of(hub, "00AA")
    await patch(hub.as_caller(Role.SCHOOL, brins=["00AA"]), f"/v1/mandates/{mandate}", {"endDate": day()}, 1)
    await settle(pool)
    assert (await reconcile(hub, brins=["00AA"]))["missing"] == [("00AA", "", 2)]
    async with pool.acquire() as c:
        await c.execute("update mandates set start_date = '2026-01-01', end_date = '2026-01-02' where brin = '00AA'")
    assert await reconcile(hub, brins=["00AA"]) == NOTHING
    assert (await reconcile(hub, unit(mandate), brins=["00AA"]))["outdated"] == [("00AA", "", 2)]


async def test_duo_is_told_nothing_of_a_service_of_systems(hub: Client) -> None:
    """VVA goes to systems; a service that does not exist is answered alike."""
    for code in ("VVA", "NOTHING"):
        reply = await hub.as_caller(Role.DUO).post("/v1/reconciliation", {"serviceCode": code, "units": []})
        assert (reply.status, reply.json["code"]) == (400, "not_told")


async def test_duo_sees_its_own_reports_that_were_put_aside(hub: Client, pool: Pool) -> None:
    """Its bytes and the reason; not what the hub did wrong, not another topic, and no button."""
    mine = report_record(str(uuid4()))
    others = [
        {**mine, "offset": 8, "digest": b"8", "blame": "hub"},
        {**mine, "offset": 9, "digest": b"9", "topic": "osr.mandates.v1"},
    ]
    async with pool.acquire() as c:
        for record in (mine, *others):
            await reports.park_record(c, {**record, "received_at": now()})
    duo, operator = hub.as_caller(Role.DUO), hub.as_caller(Role.OPERATIONS)
    (parked,) = (await duo.get("/v1/parked")).json["items"]
    assert (parked["topic"], parked["offset"], parked["reason"]) == ("duo.reports.v1", 7, "unknown_delivery")
    assert parked["bytesBase64"] is None
    assert b64decode((await duo.get(f"/v1/parked/{parked['id']}")).json["bytesBase64"]) == mine["bytes"]
    hidden = [each["id"] for each in (await operator.get("/v1/parked")).json["items"] if each["id"] != parked["id"]]
    assert [(await duo.get(f"/v1/parked/{each}")).status for each in hidden] == [404, 404]
    assert len((await operator.get("/v1/parked")).json["items"]) == 3
    assert (await duo.post(f"/v1/parked/{parked['id']}/discard")).status == 403
    assert (await hub.as_caller(Role.LAS, oin=ONE).get("/v1/parked")).status == 403
