"""Reconciliation: what a system holds against what it was told; exactly what must change there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from hub.access import Role
from tests.support.api.school_calls import ONE, R2, mandate_request, open_hub, patch
from tests.support.lanes.ledger_states import plan_all, take
from tests.support.register.subscriptions import subscribed

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

LAS = f"las:{ONE}"


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub whose system subscribed and was told of a school's rest and one routed branch."""
    hub = await open_hub(pool, tmp_path)
    async with pool.acquire() as c:
        await subscribed(c)
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    await school.post("/v1/mandates", mandate_request(branches=[{"branch": "18DS01", "routingId": R2}]))
    await settle(pool)
    return hub


async def settle(pool: Pool) -> None:
    """Plan everything and let the system take it."""
    async with pool.acquire() as c:
        await plan_all(c)
        await take(c, LAS)


async def mandate_of(hub: Client) -> str:
    """Read the id of the mandate."""
    items = (await hub.as_caller(Role.SCHOOL, brins=["18DS"]).get("/v1/mandates")).json["items"]
    return str(items[0]["id"])


def unit(mandate: str, branch: str | None, version: int) -> dict[str, Any]:
    """Write a unit as the system holds it."""
    return {"mandateId": mandate, "branch": branch, "mandateVersion": version}


async def reconcile(hub: Client, *units: dict[str, Any], service: str = "VVA") -> dict[str, Any]:
    """Compare, and return per list the (branch, version) of what it names."""
    reply = await hub.as_caller(Role.LAS, oin=ONE).post(
        "/v1/reconciliation", {"serviceCode": service, "units": list(units)}
    )
    assert reply.status == 200, reply.body
    body = reply.json
    assert set(body) == {"asOf", "missing", "outdated", "unknown", "pending"}
    shown: dict[str, Any] = {
        name: [(m.get("branch"), m["data"]["mandateVersion"]) for m in body[name]]
        for name in ("missing", "outdated", "pending")
    }
    return {**shown, "unknown": body["unknown"]}


NOTHING: dict[str, Any] = {"missing": [], "outdated": [], "unknown": [], "pending": []}


async def test_who_holds_what_it_was_told_must_change_nothing(hub: Client) -> None:
    """All four lists are empty."""
    mandate = await mandate_of(hub)
    assert await reconcile(hub, unit(mandate, None, 1), unit(mandate, "18DS01", 1)) == NOTHING


async def test_what_it_lacks_comes_as_the_message_it_was_sent(hub: Client) -> None:
    """Missing units are messages; what it holds and was never told is unknown."""
    mandate, stranger = await mandate_of(hub), str(uuid4())
    found = await reconcile(hub, unit(mandate, "18DS01", 1), unit(stranger, None, 4))
    assert found == {**NOTHING, "missing": [(None, 1)], "unknown": [unit(stranger, None, 4)]}


async def test_an_older_version_is_outdated_unless_the_newer_is_on_its_way(hub: Client, pool: Pool) -> None:
    """Pending while it waits in its lane, outdated once it was taken."""
    mandate = await mandate_of(hub)
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    await patch(school, f"/v1/mandates/{mandate}", {"endDate": "2099-01-01"}, 1)
    holds = (unit(mandate, None, 1), unit(mandate, "18DS01", 1))
    async with pool.acquire() as c:
        await plan_all(c)
    assert sorted((await reconcile(hub, *holds))["pending"], key=str) == [("18DS01", 2), (None, 2)]
    await settle(pool)
    assert sorted((await reconcile(hub, *holds))["outdated"], key=str) == [("18DS01", 2), (None, 2)]


async def test_an_end_is_news_only_to_who_still_holds_the_unit(hub: Client, pool: Pool) -> None:
    """A withdrawn unit is outdated for its holder, and not missing for one who dropped it."""
    mandate = await mandate_of(hub)
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    await school.post(f"/v1/mandates/{mandate}/withdrawal", {"reason": "over"})
    await settle(pool)
    assert await reconcile(hub) == NOTHING
    assert (await reconcile(hub, unit(mandate, None, 1)))["outdated"] == [(None, 2)]


async def test_a_service_that_it_is_not_told_of_cannot_be_compared(hub: Client) -> None:
    """DUO's services need a subscription to copies; only systems reconcile."""
    las = hub.as_caller(Role.LAS, oin=ONE)
    reply = await las.post("/v1/reconciliation", {"serviceCode": "RIO", "units": []})
    assert (reply.status, reply.json["code"]) == (400, "not_told")
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    assert (await school.post("/v1/reconciliation", {"serviceCode": "VVA", "units": []})).status == 403
