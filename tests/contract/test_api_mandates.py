"""The register over HTTP: names, statuses and headers as others were promised them, and who may see what."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
import pytest

from hub.clock import now, today
from hub.store.register import System, write_systems
from hub.tokens import Role
from schemas.envelope import MandateEvent
from schemas.identifiers import Oin
from tests.support.api import client_of

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api import Client, Reply

ONE, OTHER = "00000099000000001000", "00000099000000002000"
R1, R2 = "0000000700018DS00001", "0000000700018DS00002"


def day(shift: int = 0) -> str:
    """Write a day by its distance from today."""
    return (today(now()) + timedelta(days=shift)).isoformat()


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Make a hub with a school of four branches, another school of another board, and two systems."""
    async with pool.acquire() as c:
        await c.execute(
            """
            insert into boards (bge_code, name) values ('41561', null), ('41775', null);
            insert into schools (brin, name, bge_code, sector) values
              ('18DS', 'De Boog', '41561', 'po'), ('00AA', 'De Eerste', '41775', 'po');
            insert into branches (branch, brin, name) values ('18DS00', '18DS', 'a'), ('18DS01', '18DS', 'b'),
              ('18DS02', '18DS', 'c'), ('18DS03', '18DS', 'd'), ('00AA00', '00AA', 'De Eerste');
            """
        )
        for oin, name in ((ONE, "Een"), (OTHER, "Ander")):
            system = System(supplier_oin=Oin(oin), name=name, service_codes=frozenset({"VVA", "RIO"}))
            await write_systems(c, [system])
    return client_of(tmp_path, pool)


@pytest.fixture
def school(hub: Client) -> Client:
    """Be the school."""
    return hub.as_caller(Role.SCHOOL, brins=["18DS"])


def wish(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - the body of a request
    """Make the body of a request for a mandate."""
    return {"brin": "18DS", "serviceCode": "VVA", "supplierOin": ONE, **changes}


def codes(reply: Reply) -> list[tuple[str, str]]:
    """Show what is wrong, field by field."""
    return [(error["field"], error["code"]) for error in reply.json["errors"]]


async def patch(client: Client, path: str, body: object, version: int | None) -> Reply:
    """Change a mandate in a version."""
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return await client.call("PATCH", path, body, headers=headers)


async def test_a_mandate_is_granted_and_shown_as_promised(school: Client) -> None:
    """The answer has the whole mandate, where it is, and its version as an ETag; start date left out is today."""
    reply = await school.post("/v1/mandates", wish(branches=[{"branch": "18DS01", "routingId": R2}]))
    assert (reply.status, reply.headers["etag"]) == (201, '"1"')
    body = reply.json
    assert reply.headers["location"] == f"/v1/mandates/{body['id']}"
    assert body == {
        "brin": "18DS", "serviceCode": "VVA", "supplierOin": ONE, "startDate": day(), "endDate": None,
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
    bad = wish(serviceCode="GEEN", supplierOin="00000099000000007000", startDate=day(-1), endDate=day(-2))
    reply = await school.post("/v1/mandates", bad)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")
    assert codes(reply) == [
        ("/serviceCode", "unknown_service"),
        ("/supplierOin", "unknown_system"),
        ("/startDate", "in_the_past"),
        ("/endDate", "before_start"),
    ]
    assert codes(await school.post("/v1/mandates", wish(brin="18D", version=3))) == [
        ("/brin", "value_error"),
        ("/version", "unknown"),
    ]
    await school.post("/v1/mandates", wish(branches=[{"branch": "18DS00"}]))
    overlap = await school.post("/v1/mandates", wish())
    assert (overlap.status, overlap.json["code"]) == (409, "overlap")
    taken = await school.post("/v1/mandates", wish(supplierOin=OTHER, branches=[{"branch": "18DS00", "routingId": R1}]))
    assert (taken.status, taken.json["code"]) == (409, "taken")


async def test_a_rest_that_two_systems_claim_needs_routing(school: Client) -> None:
    """The warning names the branches; it is gone when the other mandate is."""
    first = (await school.post("/v1/mandates", wish())).json
    second = (await school.post("/v1/mandates", wish(supplierOin=OTHER, branches=[{"branch": "18DS00"}]))).json
    assert [(w["code"], w["branches"]) for w in second["warnings"]] == [
        ("needs_routing", ["18DS01", "18DS02", "18DS03"])
    ]
    await school.post(f"/v1/mandates/{first['id']}/withdrawal", {"reason": "another system"})
    after = (await school.get(f"/v1/mandates/{second['id']}")).json
    assert (after["warnings"], after["version"]) == ([], 2)


async def test_a_patch_needs_the_version_and_changes_dates_only(school: Client) -> None:
    """428 without a version, 412 with an old one, 400 for what never changes."""
    path = f"/v1/mandates/{(await school.post('/v1/mandates', wish())).json['id']}"
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
    path = f"/v1/mandates/{(await school.post('/v1/mandates', wish())).json['id']}"
    gone = await school.post(f"{path}/withdrawal", {"reason": "over"})
    assert (gone.status, gone.json["state"], gone.json["version"]) == (200, "withdrawn", 2)
    assert gone.json["withdrawnAt"] is not None
    assert len(gone.json["branches"]) == 4
    again = await school.post(f"{path}/withdrawal", {"reason": "over"})
    assert (again.status, again.json["code"]) == (409, "ended")
    assert (await patch(school, path, {"endDate": day(9)}, 2)).status == 409
    notes = await pool.fetch("select action, brin, reason from audit order by n")
    assert [tuple(note) for note in notes] == [
        ("mandate.granted", "18DS", None),
        ("mandate.withdrawn", "18DS", "over"),
    ]


async def test_routing_is_put_and_deleted(school: Client) -> None:
    """A characteristic that is named, one that is handed out, one that is taken, and a branch that is not there."""
    path = f"/v1/mandates/{(await school.post('/v1/mandates', wish())).json['id']}/routing"
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
    made = (await school.post("/v1/mandates", wish(endDate=day(9), branches=[{"branch": "18DS00"}]))).json
    asked: dict[str, Any] = {"branch": "18DS00", "serviceCode": "VVA"}
    reply = (await school.get("/v1/routing", **asked)).json
    assert (reply["branch"], reply["referenceDate"]) == ("18DS00", day())
    assert reply["items"] == [
        {
            "mandateId": made["id"], "mandateVersion": 1, "supplierOin": ONE, "systemName": "Een", "routingId": R1,
            "coverage": "branch", "startDate": day(), "endDate": day(9),
        }
    ]  # fmt: skip
    assert (await school.get("/v1/routing", **asked, knownAt=before)).json["items"] == []
    assert (await school.get("/v1/routing", **asked, referenceDate=day(10))).json["items"] == []
    rest = (await school.get("/v1/routing", branch="18DS01", serviceCode="VVA")).json["items"]
    assert [(item["routingId"], item["coverage"]) for item in rest] == [(None, "school")]


async def test_copies_say_what_became_of_each(hub: Client, school: Client) -> None:
    """A dry run tells what would be; a school that the caller does not administer is unknown."""
    made = (await school.post("/v1/mandates", wish())).json
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
        {"brin": "00AA", "outcome": "would_create", "mandateId": None, "reason": None, "currentSystem": None},
    )
    done = (await both.post(f"/v1/mandates/{made['id']}/copies", {**body, "dryRun": False})).json["results"]
    assert [result["outcome"] for result in done] == ["created", "skipped"]
    copy = (await both.get(f"/v1/mandates/{done[0]['mandateId']}")).json
    assert (copy["brin"], copy["copiedFrom"]) == ("00AA", made["id"])


async def test_nobody_sees_what_is_not_theirs(hub: Client, school: Client) -> None:
    """Another school, another supplier and nobody get nothing, not even that it exists; only schools write."""
    made = (await school.post("/v1/mandates", wish())).json
    path = f"/v1/mandates/{made['id']}"
    stranger = hub.as_caller(Role.SCHOOL, brins=["00AA"])
    other = hub.as_caller(Role.LAS, oin=OTHER)
    for caller in (stranger, other):
        assert (await caller.get(path)).status == 404
        assert (await caller.get("/v1/mandates")).json == {"items": [], "next": None}
    assert codes(await stranger.post("/v1/mandates", wish())) == [("/brin", "unknown_school")]
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
        assert (await caller.post("/v1/mandates", wish())).status == 403


async def test_lists_are_filtered_and_paged(school: Client) -> None:
    """By school, service, supplier and day; a page says how to go on, and a forged cursor is a problem."""
    ids = [
        (await school.post("/v1/mandates", wish(serviceCode=service, supplierOin=supplier, endDate=end))).json["id"]
        for service, supplier, end in (("VVA", ONE, None), ("RIO", ONE, day(3)), ("VVA", OTHER, None))
    ]

    async def listed(**query: Any) -> list[str]:  # noqa: ANN401 - a query
        return [item["id"] for item in (await school.get("/v1/mandates", **query)).json["items"]]

    assert await listed() == ids
    assert await listed(serviceCode="VVA", supplierOin=OTHER) == ids[2:]
    assert await listed(schoolOin="0000000700018DS00000", referenceDate=day(4)) == [ids[0], ids[2]]
    assert await listed(schoolOin="0000000700018DS00000", brin="00AA") == []
    page = (await school.get("/v1/mandates", limit=2)).json
    assert [item["id"] for item in page["items"]] == ids[:2]
    assert await listed(limit=2, cursor=page["next"]) == ids[2:]
    assert (await school.get("/v1/mandates", cursor="WyJ4Il0")).status == 400
    assert (await school.get("/v1/mandates", brin="18D")).status == 400


async def test_a_validation_answers_anyone_but_shows_the_mandate_to_its_own_system(hub: Client, school: Client) -> None:
    """OK or NOK, as the register has always had it."""
    made = (await school.post("/v1/mandates", wish(startDate=day(5)))).json
    asked: dict[str, Any] = {"schoolOin": "0000000700018DS00000", "supplierOin": ONE, "serviceCode": "VVA"}
    own, other = hub.as_caller(Role.LAS, oin=ONE), hub.as_caller(Role.LAS, oin=OTHER)
    assert (await own.get("/v1/mandate-validations", **asked)).json == {"result": "NOK", "mandate": None}
    later = {**asked, "referenceDate": day(5)}
    assert (await own.get("/v1/mandate-validations", **later)).json == {"result": "OK", "mandate": made}
    assert (await other.get("/v1/mandate-validations", **later)).json == {"result": "OK", "mandate": None}


async def test_the_register_itself_can_be_read(hub: Client, school: Client) -> None:
    """Boards, schools, branches, services and systems, by those who may look them up."""
    duo = hub.as_caller(Role.DUO)
    assert (await duo.get("/v1/schools", name="eerste")).json["items"] == [
        {"brin": "00AA", "schoolOin": "0000000700000AA00000", "name": "De Eerste", "bgeCode": "41775", "sector": "po",
         "closedOn": None}
    ]  # fmt: skip
    assert [item["brin"] for item in (await school.get("/v1/schools")).json["items"]] == ["18DS"]
    branches = (await school.get("/v1/schools/18DS/branches")).json["items"]
    assert branches[0] == {"branch": "18DS00", "name": "a", "closedOn": None}
    board = (await duo.get("/v1/boards/41561")).json
    assert (board["vvaAgreement"], board["schools"]) == (True, [{"brin": "18DS", "name": "De Boog"}])
    assert (await duo.get("/v1/boards/99999")).status == 404
    services = {item["code"]: item["destination"] for item in (await duo.get("/v1/services")).json["items"]}
    assert services == {"BRON_PO": "duo:bron-po", "RIO": "duo:rio", "VERZUIM": "duo:verzuim", "VVA": None}
    assert [item["systemName"] for item in (await duo.get("/v1/systems")).json["items"]] == ["Een", "Ander"]


async def test_operations_register_systems(hub: Client, school: Client) -> None:
    """201 for a new one, 200 for one that is known; a school may not."""
    operations = hub.as_caller(Role.OPERATIONS)
    body = {"supplierOin": "00000099000000003000", "systemName": "Derde", "serviceCodes": ["VVA"]}
    made = await operations.post("/v1/systems", body)
    assert (made.status, made.json) == (201, body)
    assert (await operations.post("/v1/systems", {**body, "systemName": "Anders"})).status == 200
    assert codes(await operations.post("/v1/systems", {**body, "serviceCodes": ["GEEN"]})) == [
        ("/serviceCodes", "unknown_service")
    ]
    assert (await school.post("/v1/systems", body)).status == 403


async def test_a_post_with_a_key_is_done_once(school: Client) -> None:
    """The same key and body get the same answer, and one mandate."""
    headers = {"Idempotency-Key": "once"}
    first = await school.post("/v1/mandates", wish(), headers=headers)
    again = await school.post("/v1/mandates", wish(), headers=headers)
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["location"] == first.headers["location"]
    assert len((await school.get("/v1/mandates")).json["items"]) == 1


async def test_an_event_carries_the_trace_of_its_call(school: Client, pool: Pool) -> None:
    """Whoever follows a trace finds the change that the call made."""
    sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await school.post("/v1/mandates", wish(), headers={"traceparent": sent})
    assert (await pool.fetchval("select traceparent from events")).split("-")[1] == sent.split("-")[1]


async def publish(pool: Pool) -> None:
    """Give what is not published yet the next positions of the log, as the relay does."""
    await pool.execute(
        """with done as (delete from todo returning n, brin, number)
           insert into feed select (select coalesce(max(position), 0) from feed) + row_number() over (order by n),
                                   brin, number, now() from done"""
    )


async def test_the_published_log_is_read_from_where_one_was(hub: Client, school: Client, pool: Pool) -> None:
    """Events come as they are on the log, in order, each once; `next` is kept for the next time."""
    made = (await school.post("/v1/mandates", wish())).json
    await school.post("/v1/mandates", wish(supplierOin=OTHER))
    assert (await school.get("/v1/events")).json["items"] == []
    await publish(pool)
    await patch(school, f"/v1/mandates/{made['id']}", {"endDate": day(9)}, 1)
    await publish(pool)
    first = (await school.get("/v1/events", limit=2)).json
    assert [event["type"] for event in first["items"]] == ["nl.osr.mandate.granted.v1"] * 2
    assert first["more"] is True
    then = (await school.get("/v1/events", since=first["next"])).json
    assert [(event["type"], event["sequence"]) for event in then["items"]] == [
        ("nl.osr.mandate.amended.v1", "00000000000000000003")
    ]
    assert then["more"] is False
    assert (await school.get("/v1/events", since=then["next"])).json == {
        "items": [], "next": then["next"], "more": False,
    }  # fmt: skip
    for event in (*first["items"], *then["items"]):
        MandateEvent.model_validate_json(orjson.dumps(event))
    las = hub.as_caller(Role.LAS, oin=ONE)
    mine = (await las.get("/v1/events", types="nl.osr.mandate.granted.v1")).json
    assert [UUID(event["data"]["mandateId"]) for event in mine["items"]] == [UUID(made["id"])]
    assert mine["next"] == then["next"]
    assert (await hub.as_caller(Role.SCHOOL, brins=["00AA"]).get("/v1/events")).json["items"] == []
    assert (await school.get("/v1/events", since="x")).status == 400


async def test_a_day_is_a_day(school: Client) -> None:
    """Dates that do not exist, or that no calendar goes on after, are refused."""
    assert (await school.post("/v1/mandates", wish(endDate="2027-02-30"))).status == 400
    assert codes(await school.post("/v1/mandates", wish(endDate=date.max.isoformat()))) == [("/endDate", "too_late")]
