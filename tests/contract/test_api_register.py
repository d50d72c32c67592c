"""The register read over HTTP: lists, look-ups, validations, systems, and the published log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from hub.access import Role
from schemas.envelope import MandateEvent
from tests.support.api.school_calls import ONE, OTHER, codes, day, mandate_request, patch
from tests.support.lanes.ledger_states import publish

if TYPE_CHECKING:
    from hub.store.pool import Pool
    from tests.support.api.client import Client


async def test_lists_are_filtered_and_paged(school: Client) -> None:
    """By school, service, supplier and day; a page says how to go on, and a forged cursor is a problem."""
    ids = [
        (
            await school.post("/v1/mandates", mandate_request(serviceCode=service, supplierOin=supplier, endDate=end))
        ).json["id"]
        for service, supplier, end in (("VVA", ONE, None), ("RIO", ONE, day(3)), ("VVA", OTHER, None))
    ]

    async def listed(**query: Any) -> list[str]:
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
    made = (await school.post("/v1/mandates", mandate_request(startDate=day(5)))).json
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
    added = {"systemCode": body["supplierOin"], "contact": dict.fromkeys(("name", "email", "phone", "url"))}
    assert (made.status, made.json) == (201, body | added)
    assert (await operations.post("/v1/systems", {**body, "systemName": "Anders"})).status == 200
    assert codes(await operations.post("/v1/systems", {**body, "serviceCodes": ["GEEN"]})) == [
        ("/serviceCodes", "unknown_service")
    ]
    assert (await school.post("/v1/systems", body)).status == 403


async def test_a_post_with_a_key_is_done_once(school: Client) -> None:
    """The same key and body get the same answer, and one mandate."""
    headers = {"Idempotency-Key": "once"}
    first = await school.post("/v1/mandates", mandate_request(), headers=headers)
    again = await school.post("/v1/mandates", mandate_request(), headers=headers)
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["location"] == first.headers["location"]
    assert len((await school.get("/v1/mandates")).json["items"]) == 1


async def test_an_event_carries_the_trace_of_its_call(school: Client, pool: Pool) -> None:
    """Whoever follows a trace finds the change that the call made."""
    sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await school.post("/v1/mandates", mandate_request(), headers={"traceparent": sent})
    assert (await pool.fetchval("select traceparent from events")).split("-")[1] == sent.split("-")[1]


async def test_the_published_log_is_read_from_where_one_was(hub: Client, school: Client, pool: Pool) -> None:
    """Events come as they are on the log, in order, each once; `next` is kept for the next time."""
    made = (await school.post("/v1/mandates", mandate_request())).json
    await school.post("/v1/mandates", mandate_request(supplierOin=OTHER))
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


async def test_a_place_in_the_log_may_be_kept_for_long(school: Client, pool: Pool) -> None:
    """What `next` was in the first version is still taken, and whatever else is asked for by now."""
    for supplier in (ONE, OTHER):
        await school.post("/v1/mandates", mandate_request(supplierOin=supplier))
    await publish(pool)
    kept = (await school.get("/v1/events", limit=1)).json["next"]
    assert kept == "WzFd"
    (event,) = (await school.get("/v1/events", since="WzFd", types="*.granted.v1")).json["items"]
    assert event["data"]["supplierOin"] == OTHER
