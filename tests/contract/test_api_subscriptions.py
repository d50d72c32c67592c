"""`/v1/subscriptions` as its callers see it, with a real receiver on loopback."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import Webhook

from hub import subscribe
from hub.access import Role
from hub.api.first_key import make_first_key
from hub.domain.signing import parse_public_key
from tests.support.api.client import Client
from tests.support.api.school_calls import patch
from tests.support.api.subscribing import ORIGIN, consents, make_api, subscribed, subscription_request
from tests.support.receivers.receiver import Receiver, receiver, reply
from tests.support.register.subscriptions import LAS, NOW, OTHER, destination_id, grant, lane, plan_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Pool

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
NOWHERE = "https://las.example/hook"


@pytest.fixture
async def las() -> AsyncIterator[Receiver]:
    """Run a receiver that consents."""
    async with receiver(consents) as it:
        yield it


@pytest.fixture
async def api(tmp_path: Path, pool: Pool) -> Client:
    """Make the API over a register with two systems."""
    return await make_api(tmp_path, pool)


async def test_a_subscription_is_made_with_the_receivers_consent(api: Client, las: Receiver) -> None:
    """The body of the contract, the secret once, and an OPTIONS request that names the hub and the rate."""
    answer = await api.post("/v1/subscriptions", subscription_request(las, requestedRatePerMinute=600))
    assert answer.status == 201
    body = answer.json
    assert answer.headers["location"] == f"http://hub.test/v1/subscriptions/{body['id']}"
    assert answer.headers["etag"] == '"1"'
    secret, known = body.pop("secret"), {"id", "createdAt", "updatedAt"}
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert {name: value for name, value in body.items() if name not in known} == {
        "url": las.url,
        "services": ["VVA"],
        "types": ["nl.osr.*"],
        "processingResults": False,
        "reports": True,
        "requestedRatePerMinute": 600,
        "signatures": ["v1"],
        "retrySchedule": None,
        "clientCertificate": None,
        "noticeUrl": None,
        "supplierOin": LAS,
        "systemCode": LAS,
        "destination": f"las:{LAS}",
        "status": "active",
        "allowedRatePerMinute": 120,
    }
    asked = las.got[0]
    assert (asked.method, asked.target, asked.body) == ("OPTIONS", "/hook", b"")
    assert (asked.headers["webhook-request-origin"], asked.headers["webhook-request-rate"]) == (ORIGIN, "600")
    read = await api.get(f"/v1/subscriptions/{body['id']}")
    assert (read.status, read.json) == (200, {**body, "notices": []})
    assert (await api.get("/v1/subscriptions")).json == {"items": [body], "next": None}


async def test_notices_go_where_the_supplier_says_and_can_be_read(api: Client, pool: Pool, las: Receiver) -> None:
    """`noticeUrl` follows the rules of `url` and is asked nothing; null takes it away; notices stand in the body."""
    address = las.url.replace("hook", "notices")
    made = await subscribed(api, las, noticeUrl=address)
    path = f"/v1/subscriptions/{made['id']}"
    assert (made["noticeUrl"], len(las.got)) == (address, 1)
    wrong = await patch(api, path, {"noticeUrl": "https://me:secret@las.example/"}, 1)
    assert [(e["field"], e["code"]) for e in wrong.json["errors"]] == [("/noticeUrl", "address_not_allowed")]
    both = await api.post("/v1/subscriptions", {"url": "ftp://x", "noticeUrl": "ftp://y", "services": ["VVA"]})
    assert [(e["field"], e["code"]) for e in both.json["errors"]] == [
        ("/url", "address_not_allowed"), ("/noticeUrl", "address_not_allowed"),
    ]  # fmt: skip
    async with pool.acquire() as c:
        await subscribe.disable(c, await destination_id(c, f"las:{LAS}"), "the receiver answered 410 Gone", NOW)
    (notice,) = (await api.get(path)).json["notices"]
    assert (notice["cause"], notice["attempts"], notice["sentAt"], notice["endedAt"]) == ("disabled", 0, None, None)
    changed = await patch(api, path, {"noticeUrl": None}, 2)
    assert (changed.status, changed.json["noticeUrl"]) == (200, None)
    page = await api.as_caller(Role.OPERATIONS).get(path)
    assert page.json["notices"] == [notice]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [("/url", "required"), ("/services", "required")]),
        ({"url": 1, "services": []}, [("/url", "string_type"), ("/services", "too_short")]),
        ({"url": NOWHERE, "services": ["VVA"], "secret": "mine"}, [("/secret", "unknown")]),
        ({"url": NOWHERE, "services": ["VVA"], "requestedRatePerMinute": 0}, [("/requestedRatePerMinute", None)]),
        ({"url": NOWHERE, "services": ["VVA"], "reports": "no"}, [("/reports", None)]),
        ({"url": NOWHERE, "services": ["VVA"], "retrySchedule": [5, -1]}, [("/retrySchedule/1", None)]),
        ({"url": NOWHERE, "services": ["VVA", "VVA"]}, [("/services", None)]),
        ({"url": NOWHERE, "services": ["VVA"], "clientCertificate": "x"}, [("/clientCertificate", None)]),
        (
            {"url": "x", "services": ["NONE"], "types": ["nl.x"]},
            [("/services/0", "unknown_service"), ("/url", "address_not_allowed"), ("/types/0", "unknown_type")],
        ),
        (
            {"url": "x", "services": ["NONE"], "reports": "no"},
            [("/reports", "bool_type"), ("/services/0", "unknown_service"), ("/url", "address_not_allowed")],
        ),
    ],
)
async def test_all_that_is_wrong_is_said_at_once(
    api: Client, body: dict[str, Any], faults: list[tuple[str, str | None]]
) -> None:
    """Each wrong field by its pointer."""
    answer = await api.post("/v1/subscriptions", body)
    assert answer.status == 400
    found = [(fault["field"], fault["code"]) for fault in answer.json["errors"]]
    assert [field for field, _ in found] == [field for field, _ in faults]
    assert all(code in (None, found[index][1]) for index, (_, code) in enumerate(faults))


async def test_a_supplier_without_a_system_cannot_subscribe(api: Client, las: Receiver) -> None:
    """It would wait for mandates that nobody can give it."""
    answer = await api.as_caller(Role.LAS, oin="00000099000000007000").post(
        "/v1/subscriptions", subscription_request(las)
    )
    assert (answer.status, answer.json["code"]) == (400, "unknown_system")


async def test_only_its_owner_and_operations_know_of_a_subscription(api: Client, las: Receiver) -> None:
    """Another system gets 404, a school 403, operations read and no more."""
    made = await subscribed(api, las)
    path = f"/v1/subscriptions/{made['id']}"
    other = api.as_caller(Role.LAS, oin=OTHER)
    assert (await other.get(path)).status == 404
    assert (await other.get("/v1/subscriptions")).json["items"] == []
    for call in (("DELETE", path), ("POST", f"{path}/pause"), ("POST", f"{path}/secrets"), ("POST", f"{path}/test")):
        assert (await other.call(*call)).status == 404
    operations = api.as_caller(Role.OPERATIONS)
    assert (await operations.get(path)).status == 200
    assert len((await operations.get("/v1/subscriptions")).json["items"]) == 1
    assert (await operations.call("DELETE", path)).status == 403
    assert (await operations.post("/v1/subscriptions", subscription_request(las))).status == 403
    assert (await api.as_caller(Role.SCHOOL, brins=["18DS"]).get(path)).status == 403
    assert (await api.get(path)).status == 200


async def test_other_changes_need_no_consent_and_leave_the_rest(api: Client, las: Receiver) -> None:
    """What is not named stays; null means as if it had been left out."""
    made = await subscribed(api, las, requestedRatePerMinute=600, retrySchedule=[5, 10])
    las.got.clear()
    path = f"/v1/subscriptions/{made['id']}"
    changed = await api.call(
        "PATCH", path, {"services": ["RIO"], "retrySchedule": None, "reports": False}, headers={"If-Match": '"1"'}
    )
    assert changed.status == 200
    differs = {"services": ["RIO"], "retrySchedule": None, "reports": False, "updatedAt": changed.json["updatedAt"]}
    assert changed.json == {**{name: value for name, value in made.items() if name != "secret"}, **differs}
    assert las.got == []


async def test_secrets_change_without_a_gap(api: Client, las: Receiver) -> None:
    """Until the grace is over both sign, as the official library sees it."""
    made = await subscribed(api, las)
    path = f"/v1/subscriptions/{made['id']}"
    rotated = await api.post(f"{path}/secrets", {"graceSeconds": 60})
    assert rotated.status == 201
    assert set(rotated.json) == {"secret", "previousValidUntil"}
    assert (await api.post(f"{path}/test")).json["outcome"] == "delivered"
    sent = las.got[-1]
    for secret in (made["secret"], rotated.json["secret"]):
        Webhook(secret).verify(sent.body, sent.headers)
    assert (await api.post(f"{path}/secrets", {"graceSeconds": -1})).status == 400
    at_once = await api.post(f"{path}/secrets", {"graceSeconds": 0})
    assert (await api.post(f"{path}/test")).json["outcome"] == "delivered"
    Webhook(at_once.json["secret"]).verify(las.got[-1].body, las.got[-1].headers)


async def test_the_hubs_own_signature_is_verified_by_its_public_key(api: Client, las: Receiver) -> None:
    """`v1a`, for a system that asks for it, by the key that anyone may read at /v1/keys, without a token."""
    made = await subscribed(api, las, signatures=["v1a"])
    await api.post(f"/v1/subscriptions/{made['id']}/test")
    sent = las.got[-1]
    listed = (await Client(app=api.app, keyfile=api.keyfile).get("/v1/keys")).json
    public = parse_public_key(listed["items"][0]["publicKey"])
    (signature,) = sent.headers["webhook-signature"].split()
    signed = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
    public.verify(base64.b64decode(signature.removeprefix("v1a,")), signed)


async def test_a_system_chooses_its_signatures(api: Client, las: Receiver) -> None:
    """By its secret when it asks for nothing; a wrong list is named, and null is the default again."""

    async def kinds() -> list[str]:
        await api.post(f"{path}/test")
        return [part.partition(",")[0] for part in las.got[-1].headers["webhook-signature"].split()]

    made = await subscribed(api, las)
    path = f"/v1/subscriptions/{made['id']}"
    assert (made["signatures"], await kinds()) == (["v1"], ["v1"])
    for wrong in (["v2"], [], ["v1", "v1"], "v1"):
        reply = await patch(api, path, {"signatures": wrong}, 1)
        assert (reply.status, reply.json["errors"][0]["field"][:11]) == (400, "/signatures"), wrong
    both = await patch(api, path, {"signatures": ["v1", "v1a"]}, 1)
    assert (both.json["signatures"], await kinds()) == (["v1", "v1a"], ["v1", "v1a"])
    assert (await patch(api, path, {"signatures": None}, 2)).json["signatures"] == ["v1"]


async def test_asking_for_the_keys_makes_none(api: Client, pool: Pool) -> None:
    """A key is made when the hub starts, once, with an entry in the audit; never by whoever asks."""
    anyone = Client(app=api.app, keyfile=api.keyfile)
    assert (await anyone.get("/v1/keys")).json == {"items": [], "next": None}
    assert await pool.fetchval("select count(*) from signing_keys") == 0
    for _ in range(2):
        await make_first_key(api.app.state.shared)  # type: ignore[attr-defined]

    assert len((await anyone.get("/v1/keys")).json["items"]) == 1
    assert [row["action"] for row in await pool.fetch("select action from audit")] == ["key.created"]


@pytest.mark.parametrize(
    ("status", "outcome"), [(204, "delivered"), (503, "retry"), (404, "refused"), (301, "refused"), (410, "gone")]
)
async def test_a_test_says_what_the_receiver_answered(api: Client, las: Receiver, status: int, outcome: str) -> None:
    """It changes nothing: a subscription that answers 410 to a test stays active."""
    made = await subscribed(api, las)
    las.answer = lambda _: reply(status)
    path = f"/v1/subscriptions/{made['id']}"
    answer = await api.post(f"{path}/test")
    assert (answer.status, answer.json["outcome"], answer.json["httpStatus"]) == (200, outcome, status)
    assert (answer.json["error"] is None) == (outcome == "delivered")
    message = json.loads(las.got[-1].body)
    assert (message["specversion"], message["id"]) == ("1.0", las.got[-1].headers["webhook-id"])
    assert (await api.get(path)).json["status"] == "active"


async def test_pause_and_resume(api: Client, las: Receiver, pool: Pool) -> None:
    """One that the receiver had done with is asked for its consent when it resumes."""
    made = await subscribed(api, las)
    path = f"/v1/subscriptions/{made['id']}"
    assert (await api.post(f"{path}/pause")).json["status"] == "paused"
    assert (await api.post(f"{path}/resume")).json["status"] == "active"
    assert len(las.got) == 1
    await pool.execute("update subscriptions set status = 'disabled'")
    las.answer = lambda _: reply(410)
    assert (await api.post(f"{path}/resume")).json["code"] == "handshake_refused"
    las.answer = consents
    assert (await api.post(f"{path}/resume")).json["status"] == "active"


@pytest.mark.parametrize("act", ["pause", "resume", "secrets"])
async def test_a_version_that_is_named_is_obeyed(api: Client, las: Receiver, act: str) -> None:
    """Where If-Match is not required it is still checked, and an answer that shows a subscription has its ETag."""
    path = f"/v1/subscriptions/{(await subscribed(api, las))['id']}"
    stale = await api.call("POST", f"{path}/{act}", headers={"If-Match": '"9"'})
    assert (stale.status, stale.json["code"]) == (412, "precondition_failed")
    done = await api.call("POST", f"{path}/{act}", headers={"If-Match": '"1"'})
    assert done.status in {200, 201}
    assert act == "secrets" or done.headers["etag"] == (await api.get(path)).headers["etag"]


async def test_deleting_makes_room_for_the_next(api: Client, las: Receiver) -> None:
    """Gone is gone: 404, and a new one may come; a stale If-Match is obeyed."""
    made = await subscribed(api, las)
    path = f"/v1/subscriptions/{made['id']}"
    assert (await api.call("DELETE", path, headers={"If-Match": '"9"'})).status == 412
    assert (await api.call("DELETE", path)).status == 204
    assert (await api.get(path)).status == 404
    assert (await api.call("DELETE", path)).status == 404
    assert (await subscribed(api, las))["id"] != made["id"]


async def test_an_idempotent_subscription_is_made_once(api: Client, las: Receiver) -> None:
    """The same key gives the same answer, the secret included."""
    key = {"Idempotency-Key": "one"}
    first = await api.post("/v1/subscriptions", subscription_request(las), headers=key)
    second = await api.post("/v1/subscriptions", subscription_request(las), headers=key)
    assert (first.status, first.json) == (second.status, second.json)


async def test_the_first_subscription_replaces_what_waited(api: Client, las: Receiver, pool: Pool) -> None:
    """Over HTTP as in the use case."""
    async with pool.acquire() as c:
        await grant(c)
        await plan_all(c)
        await subscribed(api, las)
        assert [status for *_, status in await lane(c, f"las:{LAS}")] == ["cancelled", "waiting"]
