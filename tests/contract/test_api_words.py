"""The words of a back office: masked and cut at the door, for the school and operations, and nowhere else at all."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import pytest

from hub.access import Role
from hub.clock import now
from hub.envelopes import delivery_change, envelope_defaults
from hub.settle import IncomingReport, apply_reports
from hub.settle.records import read_report
from hub.store import published_events
from schemas.identifiers import Oin
from tests.support.api.school_calls import ONE, OTHER, R2, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, take
from tests.support.register.subscriptions import subscribed

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

NAME = "Anna van Dijk"
NUMBERS = ("123456782", "1234.56.782", "123 456 782")
WORDS = f"{NAME} ({' en '.join(NUMBERS)}) staat dubbel. " + "x" * 600


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub in which DUO and a system said more than they should, over Kafka and over HTTP."""
    hub = await open_hub(pool, tmp_path)
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    branches = [{"branch": "18DS01", "routingId": R2}]
    async with pool.acquire() as c:
        await subscribed(c, Oin(ONE), services=("VVA", "RIO"), processing_results=True)
        for service in ("VVA", "RIO"):
            await school.post("/v1/mandates", mandate_request(serviceCode=service, branches=branches))
        await plan_all(c)
        await take(c, "duo:rio", f"las:{ONE}", f"las-copy:{ONE}")
    said = {"status": "rejected", "signals": [{"kind": "Foutmelding", "code": NUMBERS[0], "text": WORDS}]}
    for caller, place in ((hub.as_caller(Role.DUO), "duo:rio"), (hub.as_caller(Role.LAS, oin=ONE), f"las:{ONE}")):
        first, second = [d["id"] for d in (await caller.get("/v1/deliveries", destination=place)).json["items"]]
        by_kafka = [second] if place == "duo:rio" else []  # the topic of reports is DUO's alone
        body = said if by_kafka else {**said, "status": "declined"}
        for delivery in (first, *(() if by_kafka else (second,))):
            reply = await caller.post(f"/v1/deliveries/{delivery}/reports", {**body, "reportedAt": now().isoformat()})
            assert (reply.status, NAME.encode() in reply.body) == (200, False)
        for delivery in by_kafka:
            await _over_kafka(pool, delivery, body)
    return hub


async def _over_kafka(pool: Pool, delivery: str, said: dict[str, Any]) -> None:
    event = {
        "specversion": "1.0", "id": "1", "source": "duo", "type": "nl.osr.report.v1",
        "data": {**said, "deliveryId": delivery, "reportedAt": now().isoformat()},
    }  # fmt: skip
    headers = [("content-type", b"application/cloudevents+json")]
    report = read_report(orjson.dumps(event), headers, now())
    assert isinstance(report, IncomingReport)
    async with pool.acquire() as c, c.transaction():
        await apply_reports(c, [report], now(), 0)


async def read_everything(caller: Client, ids: dict[str, list[str]]) -> dict[str, bytes]:
    """Read every address that the description has, with everything that is there."""
    read: dict[str, bytes] = {}
    described: dict[str, Any] = caller.app.openapi()  # type: ignore[attr-defined]  # the application is FastAPI's
    for template in (path for path, methods in described["paths"].items() if "get" in methods):
        names = re.findall(r"\{(\w+)\}", template)
        for value in ids.get(names[0], [str(uuid4())]) if names else [""]:
            path = f"/v1{re.sub(r'{.*?}', value, template)}"
            query = "?schoolOin=0000000700018DS00000&supplierOin=" + ONE + "&serviceCode=RIO&branch=18DS01&brin=18DS"
            read[path] = (await caller.call("GET", path + (query if "lidation" in path or "rout" in path else ""))).body
    for service in ("VVA", "RIO"):
        wanted: dict[str, Any] = {"serviceCode": service, "units": []}
        read[f"reconciliation {service}"] = (await caller.post("/v1/reconciliation", wanted)).body
    for page in ("/console", "/console/live", "/console/schools/18DS", "/mandaten", "/metrics"):
        read[page] = (await caller.call("GET", page, headers={"Accept": "text/html"})).body
    return read


async def test_only_the_school_and_operations_read_what_a_back_office_wrote(hub: Client, pool: Pool) -> None:
    """Of all that can be read, for every caller: names go to those two, numbers of persons to nobody."""
    async with pool.acquire() as c:
        ids = {
            "deliveryId": [str(row["id"]) for row in await c.fetch("select id from deliveries")],
            "mandateId": [str(row["id"]) for row in await c.fetch("select id from mandates")],
            "subscriptionId": [str(row["id"]) for row in await c.fetch("select id from subscriptions")],
            "name": [str(row["name"]) for row in await c.fetch("select name from destinations")],
            "brin": ["18DS", "00AA"],
            "bgeCode": ["41561"],
        }
    may = {
        "school": hub.as_caller(Role.SCHOOL, brins=["18DS"]),
        "board": hub.as_caller(Role.SCHOOL, bges=["41561"]),
        "operations": hub.as_caller(Role.OPERATIONS),
    }
    may_not = {
        "the system that said it": hub.as_caller(Role.LAS, oin=ONE),
        "another system": hub.as_caller(Role.LAS, oin=OTHER),
        "DUO": hub.as_caller(Role.DUO),
        "another school": hub.as_caller(Role.SCHOOL, brins=["00AA"]),
        "nobody": hub,
    }
    for who, caller in may.items():
        read = await read_everything(caller, ids)
        assert [path for path, body in read.items() if NAME.encode() in body], who
        assert [path for path, body in read.items() if any(n.encode() in body for n in NUMBERS)] == [], who
    for who, caller in may_not.items():
        read = await read_everything(caller, ids)
        shown = [path for path, body in read.items() if NAME.encode() in body or b"xxxxx" in body]
        assert shown == [], who


@pytest.mark.usefixtures("hub")
async def test_nothing_that_is_published_or_told_holds_a_word_of_it(pool: Pool) -> None:
    """Neither the log of deliveries nor the results that a system is told; and what is stored is masked and cut."""
    async with pool.acquire() as c:
        rows = await published_events.read_changes(c, 1000)
        changes = [change for items in rows.values() for change in items]
        about = await published_events.subjects(c, changes)
        head = envelope_defaults(Oin("00000099000000009000"), "https://hub.example")
        published = b"".join(delivery_change(change, about[change.key], head) for change in changes)
        told = [row["result"] for row in await c.fetch("select result from deliveries where result is not null")]
        kept = [
            orjson.loads(row["signals"])[0] for row in await c.fetch("select signals::text as signals from reports")
        ]
    assert len(told) == 2
    assert len(published) > 1000
    assert NAME not in published.decode() + "".join(told)
    assert len(kept) == 4
    for signal in kept:
        assert signal["code"] == "*********"
        assert signal["text"].startswith(f"{NAME} (********* en ********* en *********)")
        assert len(signal["text"]) == 500


async def test_an_unusable_record_is_kept_as_it_came_for_operations_and_its_writer(hub: Client, pool: Pool) -> None:
    """Its bytes are needed to use it after all; nobody else may list them, and its reason repeats nothing of them."""
    event = {
        "specversion": "1.0", "id": "1", "source": "duo", "type": "nl.osr.report.v1",
        "data": {"deliveryId": WORDS, "status": WORDS, "signals": [{"kind": WORDS, "text": WORDS}]},
    }  # fmt: skip
    why = read_report(orjson.dumps(event), [("content-type", b"application/cloudevents+json")], now())
    assert not isinstance(why, IncomingReport)
    assert not any(word in why.detail for word in (NAME, *NUMBERS))
    async with pool.acquire() as c:
        await c.execute(
            """insert into parked_records (topic, partition, "offset", headers, bytes, digest, reason, blame, detail,
                                   received_at)
               values ('duo.reports.v1', 0, 0, '[]', $1, '', $2, 'sender', $3, now())""",
            orjson.dumps(event), why.reason, why.detail,
        )  # fmt: skip
    (listed,) = (await hub.as_caller(Role.OPERATIONS).get("/v1/parked")).json["items"]
    parked = (await hub.as_caller(Role.OPERATIONS).get(f"/v1/parked/{listed['id']}")).json
    assert listed == parked | {"bytesBase64": None}
    assert orjson.loads(b64decode(parked["bytesBase64"])) == event
    assert (await hub.as_caller(Role.DUO).get("/v1/parked")).json["items"] == [listed]
    for caller in (hub.as_caller(Role.LAS, oin=ONE), hub.as_caller(Role.SCHOOL, brins=["18DS"])):
        assert (await caller.get("/v1/parked")).status == 403
