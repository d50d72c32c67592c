"""Replays and cancellations of many deliveries over HTTP: the promised bodies, and two people where it is many."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from hub.access import Role
from hub.clock import now
from hub.operations import bulk
from tests.support.api.school_calls import ONE, OTHER, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, take

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

PROMISED = {
    "destination", "brins", "mandateIds", "deliveryIds", "statuses", "from", "to", "dryRun", "ratePerSecond", "reason",
    "id", "state", "matched", "superseded", "toSend", "sent", "sample",
}  # fmt: skip


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub whose four eyes begin at two deliveries; two schools' grants for RIO were taken, one VVA waits."""
    hub = await open_hub(pool, tmp_path, OPERATIONS__FOUR_EYES_ABOVE="1")
    schools = hub.as_caller(Role.SCHOOL, brins=["18DS", "00AA"])
    for body in (
        mandate_request(serviceCode="RIO"),
        mandate_request(serviceCode="RIO", brin="00AA"),
        mandate_request(),
    ):
        assert (await schools.post("/v1/mandates", body)).status == 201
    async with pool.acquire() as c:
        await plan_all(c)
        await take(c, "duo:rio")
    return hub


@pytest.fixture
def ann(hub: Client) -> Client:
    """Be an operator."""
    return hub.as_caller(Role.OPERATIONS, oin=ONE)


@pytest.fixture
def bob(hub: Client) -> Client:
    """Be another operator."""
    return hub.as_caller(Role.OPERATIONS, oin=OTHER)


async def run_batch(pool: Pool) -> None:
    """Take turns until there is nothing to do any more."""
    moment = now()
    while True:
        moment += timedelta(seconds=1)
        async with pool.acquire() as c, c.transaction():
            if await bulk.run_batch(c, moment, 0) is None:
                return


async def test_a_dry_run_answers_as_promised(ann: Client, pool: Pool) -> None:
    """200, all filters as they were given, counts and samples; nothing is there afterwards."""
    reply = await ann.post("/v1/replays", {"destination": "duo:rio", "statuses": ["delivered"], "dryRun": True})
    body = reply.json
    assert reply.status == 200
    assert set(body) >= PROMISED
    assert {name: body[name] for name in PROMISED - {"sample"}} == {
        "destination": "duo:rio", "brins": None, "mandateIds": None, "deliveryIds": None, "statuses": ["delivered"],
        "from": None, "to": None, "dryRun": True, "ratePerSecond": 50, "reason": None, "id": None, "state": "preview",
        "matched": 2, "superseded": 0, "toSend": 2, "sent": 0,
    }  # fmt: skip
    listed = (await ann.get("/v1/deliveries", destination="duo:rio")).json["items"]
    assert [(s["deliveryId"], s["brin"], s["mandateId"], s["mandateVersion"]) for s in body["sample"]] == [
        (d["id"], d["brin"], d["mandateId"], d["mandateVersion"]) for d in listed
    ]
    assert body["sample"][0]["sends"] == "nl.osr.mandate.granted.v1"
    assert (await ann.get("/v1/replays")).json == {"items": [], "next": None}
    async with pool.acquire() as c:
        assert await c.fetchval("select count(*) from deliveries") == 3


async def test_a_replay_is_accepted_and_followed(ann: Client, pool: Pool) -> None:
    """202 with where to look; when it is done each message says what it stands for."""
    asked = {"destination": "duo:rio", "brins": ["18DS"], "ratePerSecond": 5, "reason": "DUO asks"}
    reply = await ann.post("/v1/replays", asked)
    assert (reply.status, reply.json["state"], reply.json["toSend"]) == (202, "running", 1)
    path = f"/v1/replays/{reply.json['id']}"
    assert reply.headers["location"].endswith(path)
    assert (await ann.get(path)).json == reply.json
    await run_batch(pool)
    done = (await ann.get(path)).json
    assert (done["state"], done["sent"], done["skipped"], done["ratePerSecond"]) == ("done", 1, 0, 5)
    first, second = (await ann.get("/v1/deliveries", destination="duo:rio", brin="18DS")).json["items"]
    assert (second["replayOf"], second["status"], second["sequence"]) == (first["id"], "waiting", 2)
    message = (await ann.get(f"/v1/deliveries/{second['id']}")).json["message"]
    assert (message["replayof"], message["causationid"]) == (first["id"], first["eventId"])
    assert (await ann.get("/v1/replays")).json["items"] == [done]
    notes = (await ann.get("/v1/audit", brin="18DS")).json["items"]
    assert [(n["action"], n["reason"], n["before"], n["after"]) for n in notes[:2]] == [
        ("replay.done", None, {"state": "running"}, {"state": "done", "done": 1, "skipped": 0}),
        ("replay.asked", "DUO asks", None, {"state": "running"}),
    ]


async def test_the_same_request_again_is_the_same_replay(ann: Client) -> None:
    """With an idempotency key a repeat asks for nothing new."""
    asked = {"brins": ["18DS"], "reason": "x"}
    replies = [await ann.post("/v1/replays", asked, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert replies[0].json["id"] == replies[1].json["id"]
    assert len((await ann.get("/v1/replays")).json["items"]) == 1


async def test_many_need_another_pair_of_eyes(ann: Client, bob: Client, pool: Pool) -> None:
    """It waits; whoever asked gets 409, another operator lets it begin, once."""
    reply = await ann.post("/v1/replays", {"destination": "duo:rio", "reason": "all of it"})
    assert (reply.status, reply.json["state"], reply.json["approvedBy"]) == (202, "awaiting_approval", None)
    path = f"/v1/replays/{reply.json['id']}"
    await run_batch(pool)
    assert (await bob.get(path)).json["sent"] == 0
    own = await ann.post(f"{path}/approval", {"reason": "quick"})
    assert (own.status, own.json["code"]) == (409, "own_request")
    approved = await bob.post(f"{path}/approval", {"reason": "agreed"})
    assert (approved.status, approved.json["state"]) == (200, "running")
    assert approved.json["approvedBy"] not in (None, approved.json["askedBy"])
    again = await bob.post(f"{path}/approval", {"reason": "agreed"})
    assert (again.status, again.json["code"]) == (409, "final")
    await run_batch(pool)
    assert (await bob.get(path)).json["sent"] == 2


async def test_small_parts_count_as_the_whole(ann: Client, bob: Client) -> None:
    """The second of two small ones waits, and the preview, the answer and the list say why; another may still ask."""
    small: dict[str, Any] = {"destination": "duo:rio", "brins": ["18DS"], "reason": "a part"}
    first = (await ann.post("/v1/replays", small)).json
    assert (first["state"], first["whyApproval"]) == ("running", None)
    why = f"the requester has begun 1 delivery alone since {first['askedAt']}, and with 1 more that is too much for "
    rest = {**small, "brins": ["00AA"]}
    dry = (await ann.post("/v1/replays", {**rest, "dryRun": True})).json
    assert dry["whyApproval"] == f"{why}one person in 24 hours: it will wait for another operator"
    assert (await bob.post("/v1/replays", {**rest, "dryRun": True})).json["whyApproval"] is None
    second = (await ann.post("/v1/replays", rest)).json
    assert second["state"] == "awaiting_approval"
    assert second["whyApproval"] == f"{why}one person in 24 hours: ask another operator to approve it"
    assert (await bob.get("/v1/replays")).json["items"][0] == second
    other_kind = (await ann.post("/v1/cancellations", {"brins": ["18DS"], "dryRun": True})).json
    assert other_kind["whyApproval"] is None
    approved = (await bob.post(f"/v1/replays/{second['id']}/approval", {"reason": "seen"})).json
    assert (approved["state"], approved["whyApproval"]) == ("running", None)


async def test_a_replay_may_be_cancelled(ann: Client, bob: Client) -> None:
    """While it waits or runs; then never again."""
    path = f"/v1/replays/{(await ann.post('/v1/replays', {'destination': 'duo:rio', 'reason': 'x'})).json['id']}"
    ended = await ann.post(f"{path}/cancellation", {"reason": "a mistake"})
    assert (ended.status, ended.json["state"], ended.json["endedAt"] is not None) == (200, "cancelled", True)
    assert (await bob.post(f"{path}/approval", {"reason": "x"})).json["code"] == "final"
    assert (await bob.post(f"{path}/cancellation", {"reason": "x"})).json["code"] == "final"


async def test_many_that_wait_are_cancelled_alike(ann: Client, pool: Pool) -> None:
    """The same filters, dry run, reason and states; what was taken is not touched."""
    dry = (await ann.post("/v1/cancellations", {"brins": ["18DS"], "dryRun": True})).json
    assert (dry["state"], dry["matched"], dry["toCancel"], dry["ends"], dry["cancelled"]) == ("preview", 1, 1, 0, 0)
    reply = await ann.post("/v1/cancellations", {"brins": ["18DS"], "reason": "by mistake"})
    assert (reply.status, reply.json["state"]) == (202, "running")
    await run_batch(pool)
    path = f"/v1/cancellations/{reply.json['id']}"
    done = (await ann.get(path)).json
    assert (done["state"], done["cancelled"]) == ("done", 1)
    assert (await ann.get("/v1/cancellations")).json["items"] == [done]
    listed = (await ann.get("/v1/deliveries", brin="18DS")).json["items"]
    assert sorted((d["status"], d["reason"]) for d in listed) == [("cancelled", "by mistake"), ("delivered", None)]
    assert (await ann.get(f"/v1/replays/{reply.json['id']}")).status == 404
    assert (await ann.post(f"{path}/approval", {"reason": "x"})).json["code"] == "final"
    assert (await ann.post(f"{path}/cancellation", {"reason": "x"})).json["code"] == "final"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"destination": "duo:rio"}, {("/reason", "required")}),
        ({"dryRun": True}, {("", "nothing_chosen")}),
        ({"destination": "duo:x", "brins": ["99ZZ"], "reason": "x"},
         {("/destination", "unknown_destination"), ("/brins/0", "unknown_school")}),
        ({"brins": [], "statuses": ["lost"], "ratePerSecond": 0, "reason": "x"},
         {("/brins", "too_short"), ("/ratePerSecond", "greater_than_equal")}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/replays", "/v1/cancellations"])
async def test_what_is_wrong_is_said_at_once(
    ann: Client, path: str, body: dict[str, Any], fields: set[tuple[str, str]]
) -> None:
    """400, with the fields."""
    reply = await ann.post(path, body)
    assert reply.status == 400
    assert {(each["field"], each["code"]) for each in reply.json["errors"]} >= fields


async def test_only_operations_press_these_buttons(hub: Client, ann: Client) -> None:
    """Others get 403, and what does not exist is not found."""
    for path in ("/v1/replays", "/v1/cancellations"):
        for caller in (hub.as_caller(Role.SCHOOL, brins=["18DS"]), hub.as_caller(Role.LAS, oin=ONE)):
            assert (await caller.post(path, {"brins": ["18DS"], "dryRun": True})).status == 403
            assert (await caller.get(path)).status == 403
        assert (await ann.get(f"{path}/{uuid4()}")).status == 404
        assert (await ann.post(f"{path}/{uuid4()}/approval", {"reason": "x"})).status == 404
        assert (await ann.get(path, cursor="W10")).status == 400
