"""What schools and receivers read: status per branch, deliveries with their messages, lanes, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from hub.access import Role
from hub.clock import now
from schemas.envelope import ForwardedMessage
from tests.support.api.school_calls import ONE, OTHER, R2, mandate_request, open_hub, patch
from tests.support.lanes.ledger_states import fail, plan_all, report, take

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

LAS = f"las:{ONE}"


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub whose school has granted VVA and RIO, with one branch routed; all is planned."""
    hub = await open_hub(pool, tmp_path)
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    for service in ("VVA", "RIO"):
        branches = [{"branch": "18DS01", "routingId": R2}]
        assert (
            await school.post("/v1/mandates", mandate_request(serviceCode=service, branches=branches))
        ).status == 201
    async with pool.acquire() as c:
        await plan_all(c)
    return hub


@pytest.fixture
def school(hub: Client) -> Client:
    """Be the school."""
    return hub.as_caller(Role.SCHOOL, brins=["18DS"])


@pytest.fixture
def las(hub: Client) -> Client:
    """Be the system."""
    return hub.as_caller(Role.LAS, oin=ONE)


@pytest.fixture
def duo(hub: Client) -> Client:
    """Be DUO."""
    return hub.as_caller(Role.DUO)


async def cells(caller: Client) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the cells of the school by branch and service."""
    body = (await caller.get("/v1/schools/18DS/status")).json
    return {(each["branch"], cell["serviceCode"]): cell for each in body["branches"] for cell in each["cells"]}


async def found(caller: Client, **query: Any) -> list[dict[str, Any]]:
    """List deliveries."""
    items: list[dict[str, Any]] = (await caller.get("/v1/deliveries", **query)).json["items"]
    return items


async def test_a_status_follows_a_message_from_its_lane_to_the_answer(school: Client, pool: Pool) -> None:
    """Waiting, delivered, processed: with the routing id, the moment, the seconds per hop and the remarks."""
    before = (await cells(school))["18DS01", "RIO"]
    assert (before["status"], before["coverage"], before["routingId"]) == ("waiting", "branch", R2)
    async with pool.acquire() as c:
        assert await take(c, "duo:rio") == 2
    taken = (await cells(school))["18DS01", "RIO"]
    assert (taken["status"], taken["deliveryId"]) == ("delivered", before["deliveryId"])
    assert taken["hops"]["transportSeconds"] >= 0
    assert taken["hops"]["processingSeconds"] is None
    async with pool.acquire() as c:
        await report(c, before["deliveryId"], "processed_with_signal", "let op")
    after = await cells(school)
    assert after["18DS01", "RIO"]["status"] == "processed_with_signal"
    assert after["18DS01", "RIO"]["signals"] == [{"kind": "Melding", "code": "M1", "text": "let op"}]
    assert set(after["18DS01", "RIO"]["hops"]) == {
        "publishSeconds", "planSeconds", "transportSeconds", "processingSeconds"
    }  # fmt: skip
    rest = after["18DS00", "RIO"]
    assert (rest["coverage"], rest["routingId"], rest["status"]) == ("school", None, "delivered")
    assert after["18DS02", "RIO"]["deliveryId"] == rest["deliveryId"]


async def test_a_system_that_never_subscribed_is_told_nothing_yet(school: Client) -> None:
    """What waits for it is held, because there is no receiver."""
    cell = (await cells(school))["18DS00", "VVA"]
    assert (cell["status"], cell["reason"], cell["destination"]) == ("held", "no_receiver", LAS)
    assert [d["status"] for d in await found(school, serviceCode="VVA")] == ["held", "held"]
    assert await found(school, serviceCode="VVA", status="waiting") == []
    assert len(await found(school, status=["held", "waiting"])) == 4


async def test_branches_that_two_systems_claim_need_routing(school: Client, pool: Pool) -> None:
    """The newcomer's rest is withheld: no delivery, no status; each system has a cell of its own."""
    await school.post("/v1/mandates", mandate_request(serviceCode="RIO", supplierOin=OTHER))
    async with pool.acquire() as c:
        await plan_all(c)
    body = (await school.get("/v1/schools/18DS/status")).json
    column = next(each for each in body["branches"] if each["branch"] == "18DS02")["cells"]
    mine = {cell["supplierOin"]: cell for cell in column if cell["serviceCode"] == "RIO"}
    assert mine[OTHER]["coverage"] == "needs_routing"
    assert (mine[OTHER]["deliveryId"], mine[OTHER]["status"]) == (None, None)
    assert (mine[ONE]["coverage"], mine[ONE]["status"]) == ("school", "waiting")


async def test_a_cell_shows_the_newest_version(school: Client, pool: Pool) -> None:
    """An end date is a new version with a delivery of its own; a withdrawn mandate stays to be seen."""
    first = (await cells(school))["18DS00", "RIO"]
    path = f"/v1/mandates/{first['mandateId']}"
    await patch(school, path, {"endDate": "2099-01-01"}, 1)
    unplanned = (await cells(school))["18DS00", "RIO"]
    assert (unplanned["mandateVersion"], unplanned["status"], unplanned["reason"]) == (2, None, "not_planned")
    async with pool.acquire() as c:
        await plan_all(c)
        await take(c, "duo:rio")
    assert (await cells(school))["18DS00", "RIO"]["mandateVersion"] == 2
    await school.post(f"{path}/withdrawal", {"reason": "over"})
    async with pool.acquire() as c:
        await plan_all(c)
    gone = (await cells(school))["18DS00", "RIO"]
    assert (gone["mandateState"], gone["mandateVersion"], gone["status"]) == ("withdrawn", 3, "waiting")
    only = (await school.get(f"{path}/status")).json
    assert {cell["serviceCode"] for each in only["branches"] for cell in each["cells"]} == {"RIO"}


async def test_a_delivery_is_shown_whole(hub: Client, school: Client, pool: Pool) -> None:
    """The list has the promised fields; one alone also has its message as it was sent, attempts and reports."""
    async with pool.acquire() as c:
        await fail(c, "duo:rio")
        await c.execute("update lanes set due = now() where due is not null")
        await take(c, "duo:rio")
    one = (await found(school, destination="duo:rio", branch="18DS01"))[0]
    assert set(one) == {
        "id", "eventId", "mandateId", "mandateVersion", "type", "destination", "serviceCode", "brin", "branch",
        "routingId", "sequence", "previousSequence", "ledgerEpoch", "status", "expects", "reason", "replayOf",
        "createdAt", "dueAt", "deliveredAt", "processedAt", "transport", "traceId",
    }  # fmt: skip
    assert (one["type"], one["expects"], one["routingId"]) == ("nl.osr.mandate.granted.v1", "report", R2)
    assert one["transport"] == {"topic": "duo.rio.v1", "partition": 3, "offset": one["sequence"], "url": None}
    async with pool.acquire() as c:
        await report(c, one["id"], "processed")
    whole = (await hub.as_caller(Role.OPERATIONS).get(f"/v1/deliveries/{one['id']}")).json
    message = ForwardedMessage.model_validate(whole["message"])
    assert (str(message.id), message.data.branches[0].branch) == (one["id"], "18DS01")
    assert whole["reports"] == [
        {"status": "processed", "signals": [], "reportedAt": whole["reports"][0]["reportedAt"],
         "receivedAt": whole["processedAt"], "applied": True}
    ]  # fmt: skip
    outcomes = [(a["number"], a["outcome"], a["durationMs"]) for a in whole["attempts"]]
    assert outcomes in ([(1, "delivered", 7)], [(1, "retry", 7), (2, "delivered", 7)])


async def test_deliveries_are_found_by_each_filter(school: Client) -> None:
    """Event, mandate, branch, number, time; a page ends where the next begins."""
    everything = await found(school)
    assert len(everything) == 4
    one = everything[0]
    assert {d["id"] for d in await found(school, eventId=one["eventId"])} == {
        d["id"] for d in everything if d["eventId"] == one["eventId"]
    }
    assert len(await found(school, mandateId=one["mandateId"])) == 2
    assert [d["branch"] for d in await found(school, branch="18DS01")] == ["18DS01", "18DS01"]
    assert [d["sequence"] for d in await found(school, destination=LAS, brin="18DS", afterSequence=1)] == [2]
    assert len(await found(school, **{"from": one["createdAt"], "to": now().isoformat()})) == 4
    assert await found(school, to="2020-01-01T00:00:00Z") == []
    page = (await school.get("/v1/deliveries", limit=3)).json
    more = (await school.get("/v1/deliveries", limit=3, cursor=page["next"])).json
    assert [d["id"] for d in (*page["items"], *more["items"])] == [d["id"] for d in everything]
    assert more["next"] is None
    assert (await school.get("/v1/deliveries", status="gone")).status == 400


async def test_nobody_sees_what_they_may_not_read(hub: Client, school: Client, las: Client, duo: Client) -> None:
    """Each sees its own deliveries, and others' are not there."""
    mine = await found(school)
    assert [d["destination"] for d in await found(las)] == [LAS, LAS]
    assert [d["destination"] for d in await found(duo)] == ["duo:rio", "duo:rio"]
    stranger = hub.as_caller(Role.SCHOOL, brins=["00AA"])
    other_las = hub.as_caller(Role.LAS, oin=OTHER)
    for caller in (stranger, other_las):
        assert await found(caller) == []
        for delivery in mine:
            assert (await caller.get(f"/v1/deliveries/{delivery['id']}")).status == 404
        assert (await caller.get("/v1/schools/18DS/status")).status == 404
    board = hub.as_caller(Role.SCHOOL, bges=["41561"])
    assert len(await found(board)) == 4
    assert (await board.get("/v1/schools/18DS/status")).status == 200
    assert (await las.get("/v1/schools/18DS/status")).status == 404
    assert (await school.get("/v1/deliveries/" + str(uuid4()))).status == 404


async def test_what_a_back_office_wrote_is_for_the_school_and_operations(
    hub: Client, school: Client, duo: Client, pool: Pool
) -> None:
    """DUO reads that there was a remark, and not its words."""
    delivery = (await found(duo))[0]["id"]
    async with pool.acquire() as c:
        await take(c, "duo:rio")
        await report(c, delivery, "rejected", "dit gaat over ons")
    for caller, text in ((school, "dit gaat over ons"), (hub.as_caller(Role.OPERATIONS), "dit gaat over ons")):
        shown = (await caller.get(f"/v1/deliveries/{delivery}")).json["reports"][0]["signals"]
        assert shown == [{"kind": "Melding", "code": "M1", "text": text}]
    reply = await duo.get(f"/v1/deliveries/{delivery}")
    assert b"dit gaat over ons" not in reply.body
    assert reply.json["reports"][0]["status"] == "rejected"


async def test_lanes_say_how_far_they_are(las: Client, hub: Client, pool: Pool) -> None:
    """The last number planned and settled, and what the lane does; a system sees its own."""
    async with pool.acquire() as c:
        await take(c, "duo:rio")
    own = (await las.get("/v1/lanes")).json["items"]
    assert own == [
        {"destination": LAS, "brin": "18DS", "lastPlanned": 2, "lastSettled": 0, "state": "held", "dueAt": None}
    ]
    every = (await hub.as_caller(Role.OPERATIONS).get("/v1/lanes", brin="18DS")).json["items"]
    assert {(x["destination"], x["lastSettled"], x["state"]) for x in every} == {
        ("duo:rio", 2, "idle"), (LAS, 0, "held")
    }  # fmt: skip


async def test_a_lane_that_failed_says_when_it_is_tried_again(hub: Client, duo: Client, pool: Pool) -> None:
    """Retrying, with the moment it is due; so does its first delivery."""
    async with pool.acquire() as c:
        assert await fail(c, "duo:rio") == 1
    lane = (await duo.get("/v1/lanes")).json["items"][0]
    assert lane["state"] == "retrying"
    first, second = await found(duo)
    assert (first["status"], first["dueAt"], second["dueAt"]) == ("retrying", lane["dueAt"], None)
    failed = (await hub.as_caller(Role.OPERATIONS).get(f"/v1/deliveries/{first['id']}")).json["attempts"]
    assert [(a["outcome"], a["error"], a["durationMs"]) for a in failed] == [("retry", "nobody answers", 7)]


async def test_a_receiver_reports_over_http(duo: Client, las: Client, school: Client, pool: Pool) -> None:
    """200 in every state: applied, repeated, older, final; never for who may not read it."""
    async with pool.acquire() as c:
        await take(c, "duo:rio")
    first, second = [d["id"] for d in await found(duo)]
    body = {"status": "processed", "reportedAt": "2026-11-23T12:00:00Z", "unknown": 1}
    path = f"/v1/deliveries/{first}/reports"
    assert (await duo.post(path, body)).json == {
        "deliveryId": first, "status": "processed", "applied": True, "ignoredBecause": None
    }  # fmt: skip
    assert (await duo.post(path, body)).json["ignoredBecause"] == "duplicate"
    older = {"status": "rejected", "reportedAt": "2026-11-23T11:00:00Z"}
    assert (await duo.post(path, older)).json["ignoredBecause"] == "older"
    keyed = await duo.post(f"/v1/deliveries/{second}/reports", body, headers={"Idempotency-Key": "k"})
    assert (keyed.status, keyed.json["status"]) == (200, "processed")
    assert (await las.post(path, body)).status == 404
    assert (await school.post(path, body)).status == 403
    assert (await duo.post(path, {**body, "reportedAt": "2099-01-01T00:00:00Z"})).json["code"] == "future"
    for wrong in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        reply = await duo.post(path, {**body, "reportedAt": wrong})
        assert (reply.status, [fault["field"] for fault in reply.json["errors"]]) == (400, ["/reportedAt"])
    assert (await duo.post(path, {**body, "deliveryId": second})).json["code"] == "other_delivery"
    assert (await duo.post(f"/v1/deliveries/{uuid4()}/reports", body)).status == 404
    kept = (await duo.get(f"/v1/deliveries/{first}")).json["reports"]
    assert [(r["status"], r["applied"]) for r in kept] == [
        ("processed", True), ("processed", False), ("rejected", False)
    ]  # fmt: skip
