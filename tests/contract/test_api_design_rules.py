"""The NL API Design Rules over every call that the description has, on the real application and a real register."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from hub.access import Role
from hub.api.problem_pages import KINDS
from hub.views.paging import list_fingerprint, write_cursor
from tests.support.api.school_calls import ONE, mandate_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api.client import Client

SAMPLES = {
    "month": "2026-11",
    "brin": "18DS",
    "branch": "18DS00",
    "bgeCode": "41561",
    "parkedId": "1",
    "name": "duo:rio",
    "serviceCode": "RIO",
}
LISTS: dict[str, tuple[int | str, ...]] = {
    "schools": ("00AA",), "systems": (ONE,), "mandates": (str(uuid4()),), "deliveries": (1, "18DS", 1),
    "lanes": (1, "18DS"), "parked": (1,), "audit": (1,), "replays": (str(uuid4()),), "cancellations": (str(uuid4()),),
}  # fmt: skip
"""Every list that has pages, and a place in it."""
BY_SCHOOL = {"schools", "mandates", "deliveries", "lanes", "audit"}
CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*")


@pytest.fixture
def described(hub: Client) -> dict[str, Any]:
    """Read the description."""
    found: dict[str, Any] = hub.app.openapi()  # type: ignore[attr-defined]  # the application is FastAPI's
    return found


def calls(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """List every call: its method, a path that fits its template, and its description."""
    for template, methods in described["paths"].items():
        path = re.sub(r"\{(\w+)\}", lambda found: SAMPLES.get(found[1], str(uuid4())), template)
        for method, call in methods.items():
            yield method.upper(), f"/v1{path}", call


def test_every_call_has_a_name_of_its_own(described: dict[str, Any]) -> None:
    """Generated clients call an operation by its `operationId`: one word, and no other has it."""
    names = [call["operationId"] for calls in described["paths"].values() for call in calls.values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not CAMEL.fullmatch(name)] == []


async def test_every_call_answers_with_its_version_and_what_it_describes(
    hub: Client, described: dict[str, Any]
) -> None:
    """Asked without a body by each role and by nobody, each call answers as described, protected, and in UTC."""
    callers = [hub, *(hub.as_caller(role, brins=["18DS"], oin=ONE) for role in Role)]
    for caller in callers:
        for method, path, call in calls(described):
            reply = await caller.call(method, path)
            assert str(reply.status) in call["responses"], (method, path, reply.body)
            assert reply.headers["api-version"] == "1.0.0"
            assert reply.headers["cache-control"] == "no-store"
            assert reply.headers["content-security-policy"] == "frame-ancestors 'none'"
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["x-frame-options"] == "DENY"
            assert reply.headers["strict-transport-security"].startswith("max-age=")
            assert not re.search(rb"T\d\d:\d\d:\d\d[.\d]*[+-]\d\d", reply.body)


async def test_a_trailing_slash_and_another_method_lead_nowhere(hub: Client, described: dict[str, Any]) -> None:
    """404 and no redirect; 405 with all that can be done there."""
    operations = hub.as_caller(Role.OPERATIONS)
    for template, methods in described["paths"].items():
        path = "/v1" + re.sub(r"\{(\w+)\}", lambda found: SAMPLES.get(found[1], str(uuid4())), template)
        assert (await operations.get(f"{path}/")).status == 404
        refused = await operations.call("TRACE", path)
        assert (refused.status, refused.headers["api-version"]) == (405, "1.0.0")
        assert refused.headers["allow"] == ", ".join(
            sorted({*map(str.upper, methods), *({"HEAD"} if "get" in methods else ())})
        )


async def test_every_call_refuses_other_forms_than_json(hub: Client, described: dict[str, Any]) -> None:
    """406 where the caller takes something else, 415 where it sends something else."""
    for method, path, call in calls(described):
        assert (await hub.call(method, path, headers={"Accept": "text/html"})).status == 406
        if "415" in call["responses"]:
            refused = await hub.call(method, path, b"a;b", headers={"Content-Type": "text/csv"})
            assert (refused.status, refused.json["status"]) == (415, 415)


def test_all_names_are_written_alike(described: dict[str, Any]) -> None:
    """Lower camel case in queries, paths and bodies."""
    for _, _, call in calls(described):
        names = [p["name"] for p in call["parameters"] if p["in"] in {"query", "path"}]
        assert [name for name in names if not CAMEL.fullmatch(name)] == []
    for schema in described["components"]["schemas"].values():
        assert [name for name in schema.get("properties", {}) if not CAMEL.fullmatch(name)] == []


def test_every_answer_is_described(described: dict[str, Any]) -> None:
    """No call has an answer for the rest; each has its success, 400 and 500, a summary, and its roles' 401 and 403."""
    for method, path, call in calls(described):
        answers = call["responses"]
        assert {"400", "406", "500"} <= set(answers), path
        assert not {"default", "422"} & set(answers), path
        assert any(status.startswith("2") for status in answers), path
        assert call["summary"]
        roles = [role for requirement in call.get("security", []) for role in requirement["bearer"]]
        assert ("401" in answers) == bool(call.get("security")), path
        assert ("403" in answers) == bool(roles), path
        assert ("428" in answers) == (method == "PATCH"), path
    for problem in described["components"]["responses"].values():
        assert "application/problem+json" in problem["content"]
        assert problem["headers"]["API-Version"]["required"]


def test_every_body_that_is_asked_for_has_an_example_that_fits(described: dict[str, Any]) -> None:
    """Who copies the example has the form right."""
    described_bodies = [
        content["schema"]
        for _, _, call in calls(described)
        for content in call.get("requestBody", {}).get("content", {}).values()
    ]
    for schema in described_bodies:
        name = (schema.get("$ref") or schema["anyOf"][0]["$ref"]).rsplit("/", 1)[1]
        examples = described["components"]["schemas"][name]["examples"]
        whole = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        for example in examples:
            Draft202012Validator(whole).validate(example)
    problem = {"$ref": "#/components/schemas/Problem", "components": described["components"]}
    for answer in described["components"]["responses"].values():
        Draft202012Validator(problem).validate(answer["content"]["application/problem+json"]["example"])


async def test_the_type_of_a_problem_leads_somewhere(hub: Client, school: Client, described: dict[str, Any]) -> None:
    """Whoever follows it reads what happened and what to do; so do `dataschema` addresses."""
    answers = described["components"]["responses"].values()
    types = {answer["content"]["application/problem+json"]["example"]["type"] for answer in answers}
    types |= {(await school.get("/v1/nothing")).json["type"], (await school.call("TRACE", "/v1/keys")).json["type"]}
    types |= {f"http://hub.test/problems/{kind}" for kind in KINDS}
    for address in types:
        page = await hub.get(address.removeprefix("http://hub.test"))
        assert (page.status, page.headers["content-type"]) == (200, "text/plain; charset=utf-8"), address
        assert len(page.body.splitlines()) >= 5
    assert (await hub.get("/problems/none")).status == 404
    listed = (await hub.get("/v1/schemas")).json["schemas"]
    for name, address in listed.items():
        document = await hub.get(address.removeprefix("http://hub.test"))
        assert (document.status, document.json["$id"]) == (200, name)


async def test_the_description_can_be_read_from_anywhere(hub: Client) -> None:
    """OpenAPI 3.1, without a token, from every origin, with somebody to turn to."""
    reply = await hub.get("/v1/openapi.json")
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "*")
    assert reply.json["openapi"].startswith("3.1")
    assert set(reply.json["info"]) >= {"title", "version", "description", "contact"}


@pytest.mark.parametrize("path", LISTS)
async def test_a_cursor_is_of_its_list_and_filters_alone(hub: Client, path: str) -> None:
    """With another limit it goes on; at a list of the same shape, or with another filter, 400 says what to do."""
    operations = hub.as_caller(Role.OPERATIONS)
    own = write_cursor(list_fingerprint(f"/v1/{path}"), *LISTS[path])
    assert (await operations.get(f"/v1/{path}", cursor=own, limit=7)).status == 200
    others = [write_cursor(list_fingerprint(f"/v1/{other}"), *LISTS[path]) for other in LISTS if other != path]
    asked: list[tuple[str, dict[str, Any]]] = [
        *[(path, {"cursor": cursor}) for cursor in (*others, write_cursor(*LISTS[path]))],
        *([(path, {"cursor": own, "brin": "18DS"})] if path in BY_SCHOOL else []),
        ("events", {"since": own}),
    ]
    for where, query in asked:
        reply = await operations.get(f"/v1/{where}", **query)
        (fault,) = reply.json["errors"]
        parameter = next(iter(query))
        assert (reply.status, fault["in"], fault["field"]) == (400, "query", f"/{parameter}")
        assert f"leave `{parameter}` out to begin at the beginning" in fault["detail"]


@pytest.mark.parametrize("path", LISTS)
async def test_a_cursor_that_nobody_gave_is_refused(hub: Client, path: str) -> None:
    """Forged, broken, or longer than any: 400; an impossible limit is named."""
    operations = hub.as_caller(Role.OPERATIONS)
    forged = (
        write_cursor("x", "y", "z", 1), write_cursor("x", 1), write_cursor(), "", "%", "é", "A" * 5000, "bnVsbA", "W10",
        write_cursor(1, 2, 3, 4), "eyJhIjoxfQ", "\x00",
    )  # fmt: skip
    for cursor in forged:
        reply = await operations.get(f"/v1/{path}", cursor=cursor)
        assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json"), cursor
    for limit in ("0", "-1", "1001", "9" * 400, "1.5", "many", ""):
        reply = await operations.get(f"/v1/{path}", limit=limit)
        assert [(e["in"], e["field"]) for e in reply.json["errors"]] == [("query", "/limit")], limit


HOSTILE: dict[str, bytes] = {
    "deep": b'{"brin":' + b"[" * 900 + b"]" * 900 + b"}",
    "deeper": b"[" * 200_000,
    "deep_objects": b'{"a":' * 900 + b"1" + b"}" * 900,
    "nul": b'{"brin": "\\u0000"}',
    "nul_in_a_name": b'{"\\u0000": 1}',
    "half_a_character": b'{"brin": "\\ud800", "systemName": "\\udfff", "reason": "\\ud800"}',
    "half_a_character_in_a_name": b'{"\\ud800": 1}',
    "huge_number": b'{"brin": ' + b"9" * 5000 + b', "mandateVersion": 1e400}',
    "no_number": b'{"brin": NaN, "reason": -Infinity}',
    "not_utf8": b'{"brin": "\xff\xfe"}',
    "nothing": b" ",
    "cut": b'{"brin": "18DS"',
    "twice": b'{"brin": 1, "brin": []}',
    "a_list": b"[]",
    "a_text": b'"18DS"',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_body_is_the_callers_mistake_at_every_call(
    hub: Client, described: dict[str, Any], body: bytes
) -> None:
    """400 with its reasons at each call that takes a body, never 500; with and without an Idempotency-Key."""
    everybody = hub.as_everybody(brins=["18DS"], oin=ONE)
    for method, path, call in calls(described):
        if "requestBody" in call:
            for headers in ({"If-Match": "*"}, {"Idempotency-Key": "hostile"}):
                reply = await everybody.call(method, path, body, headers=headers)
                assert reply.status == 400, (method, path, reply.body)


async def test_a_body_that_is_too_large_is_not_read(school: Client) -> None:
    """413, also with an Idempotency-Key."""
    for headers in ({}, {"Idempotency-Key": "large"}):
        reply = await school.post("/v1/mandates", b" " * (8 * 1024 * 1024 + 1), headers=headers)
        assert (reply.status, reply.json["code"]) == (413, "too_large")


async def test_moments_are_answered_in_utc_and_asked_in_any_offset(school: Client) -> None:
    """The same moment written with four offsets finds the same; one without an offset is refused."""
    made = (await school.post("/v1/mandates", mandate_request())).json
    assert made["createdAt"].endswith("Z")
    query: dict[str, Any] = {"branch": "18DS00", "serviceCode": "VVA"}
    for known in ("2096-11-23T10:00:00Z", "2096-11-23T11:00:00+01:00", "2096-11-23T04:30:00-05:30"):
        reply = await school.get("/v1/routing", knownAt=known, referenceDate=made["startDate"], **query)
        assert reply.json["knownAt"] == "2096-11-23T10:00:00.000Z"
    for wrong in ("2126-11-23T10:00:00", "2126-11-23", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1"):
        reply = await school.get("/v1/routing", knownAt=wrong, **query)
        assert [(e["in"], e["field"]) for e in reply.json["errors"]] == [("query", "/knownAt")], wrong
    for wrong in ("1999-12-31", "2101-01-01", "9999-12-31"):
        reply = await school.get("/v1/routing", referenceDate=wrong, **query)
        assert [(e["in"], e["field"]) for e in reply.json["errors"]] == [("query", "/referenceDate")], wrong


async def test_one_key_at_the_same_time_makes_one(hub: Client, school: Client) -> None:
    """One works, the others are told so or get its answer; another caller's key is another."""
    key = {"Idempotency-Key": "grant"}
    answers = await asyncio.gather(*(school.post("/v1/mandates", mandate_request(), headers=key) for _ in range(5)))
    made = [reply for reply in answers if reply.status == 201]
    assert {reply.json["code"] for reply in answers if reply.status != 201} <= {"idempotency_key_in_use"}
    made.append(await school.post("/v1/mandates", mandate_request(), headers=key))
    assert len(made) >= 2
    assert len({orjson.dumps(reply.json) for reply in made}) == 1
    assert len({reply.headers["location"] for reply in made}) == 1
    assert len((await school.get("/v1/mandates")).json["items"]) == 1
    other = await school.post("/v1/mandates", mandate_request(serviceCode="RIO"), headers=key)
    assert (other.status, other.json["code"]) == (409, "idempotency_key_reused")
    board = await hub.as_caller(Role.SCHOOL, bges=["41561"]).post("/v1/mandates", mandate_request(), headers=key)
    assert (board.status, board.json["code"]) == (409, "overlap")


async def test_who_changes_says_what_it_has_read(school: Client) -> None:
    """PATCH takes If-Match; a withdrawal and routing obey it when it is sent."""
    made = await school.post("/v1/mandates", mandate_request())
    path = made.headers["location"]
    later = {"endDate": "2099-01-01"}
    assert made.headers["etag"] == (await school.get(path)).headers["etag"] == '"1"'
    assert (await school.call("PATCH", path, later)).status == 428
    assert (await school.call("PATCH", path, later, headers={"If-Match": '"7"'})).status == 412
    merge = {"If-Match": '"1"', "Content-Type": "application/merge-patch+json"}
    assert (await school.call("PATCH", path, later, headers=merge)).headers["etag"] == '"2"'
    stale = {"If-Match": '"1"'}
    routing = f"{path}/routing/18DS00"
    for method, target, body in (("PUT", routing, {"routingId": None}), ("POST", f"{path}/withdrawal", {})):
        assert (await school.call(method, target, body, headers=stale)).status == 412
    assert (await school.call("PUT", routing, {"routingId": None})).headers["etag"] == '"3"'
    assert (await school.call("DELETE", routing, headers=stale)).status == 412
    assert (await school.call("DELETE", routing, headers={"If-Match": '"3"'})).status == 204
