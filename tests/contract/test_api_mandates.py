"""Mandates over HTTP: names, statuses and headers as others were promised them, and who may see what."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from hub.access import Role
from hub.clock import now
from tests.support.api.school_calls import ONE, OTHER, R1, R2, codes, day, mandate_request, patch

if TYPE_CHECKING:
    from hub.store.pool import Pool
    from tests.support.api.client import Client


async def test_a_mandate_is_granted_and_shown_as_promised(school: Client) -> None:
    """The answer has the whole mandate, where it is, and its version as an ETag; start date left out is today."""
    reply = await school.post("/v1/mandates", mandate_request(branches=[{"branch": "18DS01", "routingId": R2}]))
    assert (reply.status, reply.headers["etag"]) == (201, '"1"')
    body = reply.json
    assert reply.headers["location"] == f"http://hub.test/v1/mandates/{body['id']}"
    assert body == {
        "brin": "18DS", "serviceCode": "VVA", "supplierOin": ONE, "systemCode": ONE, "startDate": day(),
        "endDate": None,
        "branches": [{"branch": "18DS00", "routingId": None}, {"branch": "18DS01", "routingId": R2},
                     {"branch": "18DS02", "routingId": None}, {"branch": "18DS03", "routingId": None}],
        "id": body["id"], "version": 1, "schoolOin": "0000000700018DS00000", "schoolName": "De Boog",
        "bgeCode": "41561", "systemName": "Een", "state": "active", "copiedFrom": None, "withdrawnAt": None,
        "createdAt": body["createdAt"], "updatedAt": body["createdAt"], "warnings": [],
    }  # fmt: skip
    assert (await school.get(f"/v1/mandates/{body['id']}")).json == body
    assert (await school.get(f"/v1/mandates/{body['id']}")).headers["etag"] == '"1"'


async def test_all_that_is_wrong_is_one_problem(school: Client) -> None:
    """A bad wish names every field, as a JSON pointer with a code; what merely collides is a conflict."""
    bad = mandate_request(serviceCode="GEEN", supplierOin="00000099000000007000", startDate=day(-1), endDate=day(-2))
    reply = await school.post("/v1/mandates", bad)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")
    assert codes(reply) == [
        ("/serviceCode", "unknown_service"),
        ("/supplierOin", "unknown_system"),
        ("/startDate", "in_the_past"),
        ("/endDate", "before_start"),
    ]
    assert codes(await school.post("/v1/mandates", mandate_request(brin="18D", version=3))) == [
        ("/brin", "value_error"),
        ("/version", "unknown"),
    ]
    await school.post("/v1/mandates", mandate_request(branches=[{"branch": "18DS00"}]))
    overlap = await school.post("/v1/mandates", mandate_request())
    assert (overlap.status, overlap.json["code"]) == (409, "overlap")
    taken = await school.post(
        "/v1/mandates", mandate_request(supplierOin=OTHER, branches=[{"branch": "18DS00", "routingId": R1}])
    )
    assert (taken.status, taken.json["code"]) == (409, "taken")


async def test_a_rest_that_two_systems_claim_needs_routing(school: Client) -> None:
    """The warning names the branches; it is gone when the other mandate is."""
    first = (await school.post("/v1/mandates", mandate_request())).json
    second = (
        await school.post("/v1/mandates", mandate_request(supplierOin=OTHER, branches=[{"branch": "18DS00"}]))
    ).json
    assert [(w["code"], w["branches"]) for w in second["warnings"]] == [
        ("needs_routing", ["18DS01", "18DS02", "18DS03"])
    ]
    await school.post(f"/v1/mandates/{first['id']}/withdrawal", {"reason": "another system"})
    after = (await school.get(f"/v1/mandates/{second['id']}")).json
    assert (after["warnings"], after["version"]) == ([], 2)


async def test_a_patch_needs_the_version_and_changes_dates_only(school: Client) -> None:
    """428 without a version, 412 with an old one, 400 for what never changes."""
    path = f"/v1/mandates/{(await school.post('/v1/mandates', mandate_request())).json['id']}"
    assert (await patch(school, path, {"endDate": day(9)}, None)).status == 428
    assert (await patch(school, path, {"endDate": day(9)}, 4)).status == 412
    changed = await patch(school, path, {"endDate": day(9)}, 1)
    assert (changed.status, changed.headers["etag"], changed.json["endDate"]) == (200, '"2"', day(9))
    assert (await patch(school, path, {"endDate": day(9)}, 2)).json["version"] == 2
    assert (await patch(school, path, {"endDate": None}, 2)).json["endDate"] is None
    immutable = await patch(school, path, {"brin": "00AA", "supplierOin": OTHER}, 3)
    assert (immutable.status, codes(immutable)) == (400, [("/brin", "immutable"), ("/supplierOin", "immutable")])
    assert codes(await patch(school, path, {"startDate": day(3)}, 3)) == [("/startDate", "immutable")]
    assert codes(await patch(school, path, {"startDate": None}, 3)) == [("/startDate", "null")]
    assert codes(await patch(school, path, {"endDate": day(-1)}, 3)) == [("/endDate", "before_start")]


async def test_a_withdrawal_ends_at_once_and_only_once(school: Client, pool: Pool) -> None:
    """200 with the mandate as it is then; 409 the second time; the reason stands in the audit."""
    path = f"/v1/mandates/{(await school.post('/v1/mandates', mandate_request())).json['id']}"
    gone = await school.post(f"{path}/withdrawal", {"reason": "over"})
    assert (gone.status, gone.json["state"], gone.json["version"]) == (200, "withdrawn", 2)
    assert gone.json["withdrawnAt"] is not None
    assert len(gone.json["branches"]) == 4
    again = await school.post(f"{path}/withdrawal", {"reason": "over"})
    assert (again.status, again.json["code"]) == (409, "ended")
    assert (await patch(school, path, {"endDate": day(9)}, 2)).status == 409
    notes = await pool.fetch("select action, brin, reason from audit order by id")
    assert [tuple(note) for note in notes] == [
        ("mandate.granted", "18DS", None),
        ("mandate.withdrawn", "18DS", "over"),
    ]


async def test_routing_is_put_and_deleted(school: Client) -> None:
    """A characteristic that is named, one that is handed out, one that is taken, and a branch that is not there."""
    path = f"/v1/mandates/{(await school.post('/v1/mandates', mandate_request())).json['id']}/routing"
    assert (await school.get("/v1/routing/available", brin="18DS")).json == {"brin": "18DS", "routingId": R1}
    put = await school.call("PUT", f"{path}/18DS01", {"routingId": None})
    assert (put.status, put.json) == (200, {"branch": "18DS01", "routingId": R1, "mandateVersion": 2})
    assert (await school.call("PUT", f"{path}/18DS02", {"routingId": R2})).json["routingId"] == R2
    taken = await school.call("PUT", f"{path}/18DS03", {"routingId": R2})
    assert (taken.status, taken.json["code"]) == (409, "taken")
    wrong = await school.call("PUT", f"{path}/18DS03", {"routingId": "0000000700000AA00001"})
    assert codes(wrong) == [("/routingId", "other_school")]
    assert (await school.call("PUT", f"{path}/18DS09", {"routingId": None})).status == 404
    deleted = await school.call("DELETE", f"{path}/18DS01")
    assert (deleted.status, deleted.body, deleted.headers["etag"]) == (204, b"", '"4"')
    assert (await school.call("DELETE", f"{path}/18DS01")).status == 404


async def test_a_branch_is_found_by_day_and_by_what_was_known(school: Client) -> None:
    """Routing is answered for any day, as it was known at any moment."""
    before = now().isoformat().replace("+00:00", "Z")
    made = (await school.post("/v1/mandates", mandate_request(endDate=day(9), branches=[{"branch": "18DS00"}]))).json
    asked: dict[str, Any] = {"branch": "18DS00", "serviceCode": "VVA"}
    reply = (await school.get("/v1/routing", **asked)).json
    assert (reply["branch"], reply["referenceDate"]) == ("18DS00", day())
    assert reply["items"] == [
        {
            "mandateId": made["id"], "mandateVersion": 1, "supplierOin": ONE, "systemCode": ONE, "systemName": "Een",
            "routingId": R1, "coverage": "branch", "startDate": day(), "endDate": day(9),
        }
    ]  # fmt: skip
    assert (await school.get("/v1/routing", **asked, knownAt=before)).json["items"] == []
    assert (await school.get("/v1/routing", **asked, referenceDate=day(10))).json["items"] == []
    rest = (await school.get("/v1/routing", branch="18DS01", serviceCode="VVA")).json["items"]
    assert [(item["routingId"], item["coverage"]) for item in rest] == [(None, "school")]


async def test_copies_say_what_became_of_each(hub: Client, school: Client) -> None:
    """A dry run tells what would be; a school that the caller does not administer is unknown."""
    made = (await school.post("/v1/mandates", mandate_request())).json
    body = {"brins": ["00AA", "18DS"], "dryRun": True}
    reply = await school.post(f"/v1/mandates/{made['id']}/copies", body)
    assert [(r["brin"], r["outcome"], r["reason"]) for r in reply.json["results"]] == [
        ("00AA", "skipped", "unknown_school"),
        ("18DS", "skipped", "overlap"),
    ]
    both = hub.as_caller(Role.SCHOOL, brins=["18DS"], bges=["41775"])
    dry = (await both.post(f"/v1/mandates/{made['id']}/copies", body)).json
    assert (dry["dryRun"], dry["results"][0]) == (
        True,
        {
            "brin": "00AA",
            "outcome": "would_create",
            "mandateId": None,
            "reason": None,
            "currentSystem": None,
            "noSystemYet": True,
        },
    )
    done = (await both.post(f"/v1/mandates/{made['id']}/copies", {**body, "dryRun": False})).json["results"]
    assert [result["outcome"] for result in done] == ["created", "skipped"]
    copy = (await both.get(f"/v1/mandates/{done[0]['mandateId']}")).json
    assert (copy["brin"], copy["copiedFrom"]) == ("00AA", made["id"])


async def test_nobody_sees_what_is_not_theirs(hub: Client, school: Client) -> None:
    """Another school, another supplier and nobody get nothing, not even that it exists; only schools write."""
    made = (await school.post("/v1/mandates", mandate_request())).json
    path = f"/v1/mandates/{made['id']}"
    stranger = hub.as_caller(Role.SCHOOL, brins=["00AA"])
    other = hub.as_caller(Role.LAS, oin=OTHER)
    for caller in (stranger, other):
        assert (await caller.get(path)).status == 404
        assert (await caller.get("/v1/mandates")).json == {"items": [], "next": None}
    assert codes(await stranger.post("/v1/mandates", mandate_request())) == [("/brin", "unknown_school")]
    assert (await stranger.post(f"{path}/withdrawal", {})).status == 404
    assert (await stranger.call("PUT", f"{path}/routing/18DS00", {"routingId": None})).status == 404
    assert (await stranger.get("/v1/schools/18DS")).status == 404
    assert (await hub.get(path)).status == 401
    readers = [hub.as_caller(Role.LAS, oin=ONE), hub.as_caller(Role.DUO), hub.as_caller(Role.OPERATIONS)]
    readers.append(hub.as_caller(Role.SCHOOL, bges=["41561"]))
    for caller in readers:
        assert (await caller.get(path)).json == made
    for caller in readers[:3]:
        assert (await caller.post(f"{path}/withdrawal", {})).status == 403
        assert (await caller.post("/v1/mandates", mandate_request())).status == 403


async def test_a_day_is_a_day(school: Client) -> None:
    """Dates that do not exist, or that no calendar goes on after, are refused."""
    assert (await school.post("/v1/mandates", mandate_request(endDate="2027-02-30"))).status == 400
    assert codes(await school.post("/v1/mandates", mandate_request(endDate=date.max.isoformat()))) == [
        ("/endDate", "too_late")
    ]
