"""How requests are read, and how what is wrong with them is called: by the names and in the forms that callers use."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from hub.access import Role
from tests.support.api.school_calls import ONE, R1, codes, day, mandate_request, patch

if TYPE_CHECKING:
    from tests.support.api.client import Client


@pytest.mark.parametrize("given", ["2099-01-01T00:00:00Z", "2099-02-29", "2099-1-1", "20990101", "x", "", 20990101])
async def test_a_day_is_a_date_and_nothing_else(school: Client, given: object) -> None:
    """A moment is no day, not at midnight either; every wrong day is called the same, in bodies and addresses."""
    asked = await school.post("/v1/mandates", mandate_request(startDate=given, endDate=given))
    assert (asked.status, codes(asked)) == (400, [("/startDate", "form"), ("/endDate", "form")])
    made = (await school.post("/v1/mandates", mandate_request())).json
    changed = await patch(school, f"/v1/mandates/{made['id']}", {"endDate": given}, 1)
    assert (changed.status, codes(changed)) == (400, [("/endDate", "form")])
    listed = await school.get(f"/v1/mandates?referenceDate={given}")
    assert (listed.status, codes(listed)) == (400, [("/referenceDate", "form")])
    assert (await school.get(f"/v1/mandates?referenceDate={day()}")).json["items"]


async def test_a_part_of_the_address_is_called_as_the_description_calls_it(hub: Client) -> None:
    """What is wrong in a path has the name that stands between the braces, in lower camel."""
    duty = hub.as_caller(Role.OPERATIONS)
    for path, name in (("mandates/x", "/mandateId"), ("boards/x", "/bgeCode"), ("deliveries/x", "/deliveryId")):
        reply = await duty.get(f"/v1/{path}")
        assert [(fault["in"], fault["field"]) for fault in reply.json["errors"]] == [("path", name)]


async def test_a_status_that_does_not_exist_is_one_wrong_field(hub: Client) -> None:
    """The field is the one that was given, and the detail lists what could have been."""
    duty = hub.as_caller(Role.OPERATIONS)
    listed = await duty.get("/v1/deliveries?status=done&status=held")
    assert codes(listed) == [("/status/0", "enum")]
    assert listed.json["errors"][0]["detail"].endswith("dead, cancelled, held")
    asked = await duty.post("/v1/replays", {"statuses": ["dead", "done"], "dryRun": True})
    assert codes(asked) == [("/statuses/1", "enum")]


async def test_a_since_that_is_no_next_is_called_since(hub: Client) -> None:
    """The field named is the parameter that the caller sent."""
    reply = await hub.as_caller(Role.OPERATIONS).get("/v1/events?since=x")
    assert (reply.status, codes(reply)) == (400, [("/since", "cursor")])


async def test_a_body_that_cannot_be_read_is_a_wrong_body(school: Client) -> None:
    """Bytes that are no UTF-8, and what is too deep or too long a number for any reader, are answered as no JSON."""
    for body in (b'{"brin":"\xff"}', b"[" * 100_000, b'{"brin":' + b"1" * 5000 + b"}", b"{bad"):
        reply = await school.call("POST", "/v1/mandates", body, headers={"Content-Type": "application/json"})
        assert (reply.status, codes(reply)) == (400, [("", "not_json")])
        assert reply.json["type"].endswith("/problems/invalid-input")


async def test_a_kind_of_problem_has_one_title(school: Client) -> None:
    """What is not there is called the same, whether the address or the thing does not exist."""
    nowhere, nobody = await school.get("/v1/mandates/"), await school.get("/v1/schools/99ZZ")
    assert (nowhere.json["type"], nowhere.json["title"]) == (nobody.json["type"], nobody.json["title"])
    assert nowhere.json["detail"] == "there is nothing at this address"


async def test_a_patch_says_where_else_a_field_is_changed(school: Client) -> None:
    """All of it is `immutable` here, but routing has calls of its own, and some of the rest does change."""
    made = (await school.post("/v1/mandates", mandate_request())).json
    reply = await patch(school, f"/v1/mandates/{made['id']}", {"brin": "00AA", "branches": [], "state": "ended"}, 1)
    assert codes(reply) == [("/brin", "immutable"), ("/branches", "immutable"), ("/state", "immutable")]
    assert [fault["detail"].split()[0] for fault in reply.json["errors"]] == ["this", "routing", "this"]
    assert "routing/{branch}" in reply.json["errors"][1]["detail"]


async def test_null_is_what_was_left_out(hub: Client, school: Client) -> None:
    """A field that need not be sent may be sent as null, and means the same; the description says so."""
    nothing = dict.fromkeys(("startDate", "endDate", "branches"))
    made = await school.post("/v1/mandates", mandate_request(**nothing))
    assert (made.status, made.json["startDate"]) == (201, day())
    copies = await school.post(f"/v1/mandates/{made.json['id']}/copies", {"brins": ["00AA"], "dryRun": None})
    assert (copies.status, copies.json["dryRun"]) == (200, False)
    asked = {"destination": "duo:rio", "dryRun": None, "ratePerSecond": None, "reason": "a trial"}
    replay = await hub.as_caller(Role.OPERATIONS).post("/v1/replays", asked)
    assert (replay.status, replay.json["dryRun"], replay.json["ratePerSecond"]) == (202, False, 50)
    bodies = hub.app.openapi()["components"]["schemas"]  # type: ignore[attr-defined]  # the application is FastAPI's
    for body, field in (
        ("MandateRequest", "branches"),
        ("RotationRequest", "graceSeconds"),
        ("ReportRequest", "signals"),
    ):
        assert {"type": "null"} in bodies[body]["properties"][field]["anyOf"]


async def test_a_wrong_form_hides_nothing_else_that_is_wrong(school: Client) -> None:
    """What cannot be read is named beside what can be read and is wrong; what hangs on the unread is left out."""
    bad = mandate_request(
        supplierOin="1", serviceCode="GEEN", startDate=day(-1), endDate=day(-2), foo=1,
        branches=[{"branch": "18DS99"}, {"branch": "x"}, {"branch": "18DS00", "routingId": "0000000700000AA00001"}],
    )  # fmt: skip
    asked = await school.post("/v1/mandates", bad)
    assert asked.status == 400
    assert sorted(codes(asked)) == [
        ("/branches/0/branch", "unknown_branch"),
        ("/branches/1/branch", "value_error"),
        ("/branches/2/routingId", "other_school"),
        ("/endDate", "before_start"),
        ("/foo", "unknown"),
        ("/serviceCode", "unknown_service"),
        ("/startDate", "in_the_past"),
        ("/supplierOin", "value_error"),
    ]
    unread = await school.post(
        "/v1/mandates", mandate_request(brin="x", serviceCode="y", supplierOin=ONE, startDate=day(-1))
    )
    assert sorted(codes(unread)) == [
        ("/brin", "value_error"),
        ("/serviceCode", "value_error"),
        ("/startDate", "in_the_past"),
    ]
    twice = await school.post(
        "/v1/mandates", mandate_request(foo=1, branches=[{"branch": "18DS00", "routingId": R1}] * 2)
    )
    assert sorted(codes(twice))[-2:] == [("/branches/1/routingId", "taken"), ("/foo", "unknown")]
    missing = await school.post("/v1/mandates", {"brin": "18DS", "serviceCode": "GEEN"})
    assert sorted(codes(missing)) == [("/serviceCode", "unknown_service"), ("/supplierOin", "required")]


async def test_a_wrong_body_is_refused_before_what_it_would_change_is_looked_for(hub: Client) -> None:
    """Also where there is nothing to change, no version is named, or no key to seal with: the body is what is wrong."""
    everybody = hub.as_everybody(brins=["18DS"], oin=ONE)
    for path in (f"/v1/mandates/{uuid4()}", f"/v1/subscriptions/{uuid4()}"):
        assert codes(await everybody.call("PATCH", path, {"foo": 1})) == [("/foo", "unknown")]
        assert (await everybody.call("PATCH", path, {})).status == 404
    assert codes(await everybody.post("/v1/subscriptions", {"url": 1, "services": ["VVA"]})) == [
        ("/url", "string_type")
    ]


async def test_what_a_patch_may_not_change_hides_no_wrong_date(school: Client) -> None:
    """A field that never changes and a date that cannot be are named together, and nothing is changed."""
    made = (await school.post("/v1/mandates", mandate_request())).json
    path = f"/v1/mandates/{made['id']}"
    reply = await patch(school, path, {"brin": "00AA", "foo": 1, "endDate": day(-1)}, 1)
    assert sorted(codes(reply)) == [("/brin", "immutable"), ("/endDate", "before_start"), ("/foo", "unknown")]
    assert codes(await patch(school, path, {"brin": "00AA", "endDate": day(9)}, 1)) == [("/brin", "immutable")]
    assert (await school.get(path)).json == made


async def test_a_mandate_is_copied_in_the_version_that_is_named(school: Client) -> None:
    """Who read an older version is told so, before anything is copied."""
    path = f"/v1/mandates/{(await school.post('/v1/mandates', mandate_request())).json['id']}/copies"
    body = {"brins": ["00AA"], "dryRun": True}
    assert (await school.call("POST", path, body, headers={"If-Match": '"9"'})).status == 412
    assert (await school.call("POST", path, body, headers={"If-Match": '"1"'})).status == 200


async def test_forms_are_called_as_json_calls_them(school: Client) -> None:
    """A list is a list and an object an object, whatever holds them here."""
    listed = await school.post("/v1/mandates", mandate_request(branches="x"))
    assert [(e["code"], e["detail"]) for e in listed.json["errors"]] == [("list_type", "expected a list")]
    for body, field in (([], ""), (mandate_request(branches=[5]), "/branches/0")):
        reply = await school.post("/v1/mandates", body)
        assert [(e["field"], e["code"]) for e in reply.json["errors"]] == [(field, "object_type")]


@pytest.mark.parametrize(
    "path",
    [
        "destinations/duo:rio/hold",
        "destinations/duo:rio/release",
        "replays",
        "parked/1/discard",
    ],
)
async def test_a_reason_of_blanks_is_none(hub: Client, path: str) -> None:
    """Whoever presses a button says why, in words that somebody can read."""
    reply = await hub.as_caller(Role.OPERATIONS).post(f"/v1/{path}", {"reason": " \t"})
    assert (reply.status, codes(reply)) == (400, [("/reason", "blank")])


async def test_a_text_that_cannot_be_stored_is_named_by_its_field(hub: Client, school: Client) -> None:
    """NUL, and half of a character, are faults of the field that holds them, wherever it stands."""
    half = b'{"brin": "18DS", "serviceCode": "GEEN", "supplierOin": "\\ud800", "branches": [{"branch": "\\u0000"}]}'
    reply = await school.call("POST", "/v1/mandates", half)
    assert sorted(codes(reply)) == [
        ("/branches/0/branch", "nul_character"),
        ("/serviceCode", "unknown_service"),
        ("/supplierOin", "surrogate"),
    ]
    asked = await hub.as_caller(Role.OPERATIONS).get("/v1/schools?name=a%00b&limit=5")
    assert [(fault["in"], fault["field"]) for fault in asked.json["errors"]] == [("query", "/name")]


@pytest.mark.parametrize(
    "call",
    [
        "audit?to=0001-01-01T00:00:00Z",
        "audit?from=9999-12-31T23:59:59Z",
        "deliveries?to=0001-01-01T00:00:00Z",
        "routing?branch=18DS00&serviceCode=VVA&knownAt=9999-12-31T23:59:59Z",
        "routing?branch=18DS00&serviceCode=VVA&referenceDate=0001-01-01",
        "mandates?referenceDate=9999-12-31",
    ],
)
async def test_a_moment_that_no_calendar_reaches_is_a_wrong_field(hub: Client, call: str) -> None:
    """Days and moments outside the years 2000 to 2100 are refused with the parameter that holds them."""
    reply = await hub.as_everybody(brins=["18DS"], oin=ONE).get(f"/v1/{call}")
    name = call.rpartition("=")[0].rpartition("&")[2].rpartition("?")[2]
    assert (reply.status, [fault["field"] for fault in reply.json["errors"]]) == (400, [f"/{name}"])
