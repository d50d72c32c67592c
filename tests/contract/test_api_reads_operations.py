"""What operations read and press: lag, destinations, holds, cancellations, parked records, the audit, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import pytest

from hub.access import Role
from hub.domain.health import ROLES
from hub.store import reports
from hub.store.meters import Meters
from tests.support.api.school_calls import ONE, mandate_request, open_hub
from tests.support.lanes.ledger_states import fail, plan_all, report, take

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Connection, Pool
    from tests.support.api.client import Client

LAS = f"las:{ONE}"
HOPS = {"publish", "plan", "transport", "processing"}


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub in which two schools have granted RIO and one VVA; all is planned."""
    hub = await open_hub(pool, tmp_path)
    schools = hub.as_caller(Role.SCHOOL, brins=["18DS", "00AA"])
    for body in (
        mandate_request(serviceCode="RIO"),
        mandate_request(serviceCode="RIO", brin="00AA"),
        mandate_request(),
    ):
        assert (await schools.post("/v1/mandates", body)).status == 201
    async with pool.acquire() as c:
        await plan_all(c)
    return hub


@pytest.fixture
def operator(hub: Client) -> Client:
    """Be operations."""
    return hub.as_caller(Role.OPERATIONS)


async def lag_of(operator: Client, name: str) -> dict[str, Any]:
    """Read how late one destination is."""
    body = (await operator.get("/v1/lag")).json
    return next(each for each in body["destinations"] if each["destination"] == name)


async def statuses(c: Connection, name: str) -> list[str]:
    """List the stored statuses at a destination, in lane order."""
    rows = await c.fetch(
        """select d.status::text s from deliveries d join destinations x on x.id = d.destination
            where x.name = $1 order by d.brin, d.sequence""",
        name,
    )
    return [row["s"] for row in rows]


async def test_lag_has_the_promised_fields_and_numbers(operator: Client) -> None:
    """Unpublished, unplanned, parked; per destination counts, ages, cause, words, percentiles."""
    body = (await operator.get("/v1/lag")).json
    assert set(body) == {
        "at", "unpublishedEvents", "unplannedEvents", "parked", "destinations", "processes", "unread",
    }  # fmt: skip
    assert {each["role"]: each["atWork"] for each in body["processes"]} == dict.fromkeys(ROLES, 0)
    assert [each["versions"] for each in body["processes"]] == [[] for _ in ROLES]
    assert {fault["kind"] for each in body["processes"] for fault in each["faults"]} == {"none_at_work"}
    assert (body["unpublishedEvents"], body["unplannedEvents"], body["parked"]) == (3, 0, 0)
    rio = next(each for each in body["destinations"] if each["destination"] == "duo:rio")
    assert set(rio) == {
        "destination", "services", "state", "circuit", "waiting", "held", "retrying", "unprocessed", "dead",
        "oldestUndeliveredSeconds", "oldestUnprocessedSeconds", "cause", "says", "since",
        "objective", "seconds", "hops",
    }  # fmt: skip
    assert (rio["services"], rio["state"], rio["circuit"], rio["waiting"], rio["held"]) == (
        ["RIO"],
        "open",
        "closed",
        2,
        0,
    )
    assert 0 <= rio["oldestUndeliveredSeconds"] < 60
    asked, found = {"transportSeconds": 60, "processingSeconds": 172800, "share": 0.95}, rio["objective"]
    unmeasured = {"metShare": None, "burnRate": None, "budgetLeft": None}
    overdue = {"transport": 0, "processing": 0, "isAtLeast": False}
    assert (rio["since"], found) == (None, asked | unmeasured | {"overdue": overdue})
    assert sum(rio["seconds"].values()) == pytest.approx(rio["seconds"]["hub"])
    assert set(rio["seconds"]) == {"hub", "held", "receiver", "backOffice", "school"}
    assert set(rio["hops"]) == HOPS
    assert rio["hops"]["publish"] == {"p50": None, "p99": None}


async def test_a_system_that_never_subscribed_counts_as_held(operator: Client) -> None:
    """Its messages are held, never waiting and never late, and the words say whom to ask."""
    las = await lag_of(operator, LAS)
    assert (las["state"], las["held"], las["waiting"], las["oldestUndeliveredSeconds"]) == ("no_receiver", 1, 0, None)
    assert las["cause"] == "no_receiver"
    assert "subscribe" in las["says"]


async def test_what_was_taken_waits_for_the_back_office(operator: Client, pool: Pool) -> None:
    """Unprocessed with an age until it is reported on; then nothing is late."""
    async with pool.acquire() as c:
        await take(c, "duo:rio")
        await c.execute("update deliveries set delivered_at = delivered_at - interval '3 days' where brin = '18DS'")
    late = await lag_of(operator, "duo:rio")
    assert (late["unprocessed"], late["cause"]) == (2, "back_office")
    assert 259_000 < late["oldestUnprocessedSeconds"] < 260_000
    assert 259_000 < late["seconds"]["backOffice"] < 260_000
    assert late["since"] is not None
    assert "securityservicedesk@duo.nl" in late["says"]
    items = (await operator.get("/v1/deliveries", destination="duo:rio", brin="18DS")).json["items"]
    async with pool.acquire() as c:
        await report(c, items[0]["id"], "processed")
    young = await lag_of(operator, "duo:rio")
    assert (young["unprocessed"], young["cause"]) == (1, "none")
    assert young["oldestUnprocessedSeconds"] < 60


async def test_what_fails_is_the_receivers_turn(operator: Client, pool: Pool) -> None:
    """Retrying, with the error in the words."""
    async with pool.acquire() as c:
        await fail(c, "duo:rio")
    late = await lag_of(operator, "duo:rio")
    assert (late["retrying"], late["waiting"], late["cause"]) == (2, 0, "receiver_down")
    assert "nobody answers" in late["says"]


async def test_a_held_destination_keeps_everything_until_it_is_released(operator: Client, pool: Pool) -> None:
    """Held is shown and counted, nothing is lost, and a release lets all go on in order; the audit has both."""
    held = await operator.post("/v1/destinations/duo:rio/hold", {"brins": None, "reason": "onderhoud"})
    assert (held.status, held.json["state"], held.json["heldBrins"]) == (200, "held", [])
    assert ((await lag_of(operator, "duo:rio"))["held"], (await lag_of(operator, "duo:rio"))["cause"]) == (2, "held")
    items = (await operator.get("/v1/deliveries", destination="duo:rio")).json["items"]
    assert {(d["status"], d["reason"]) for d in items} == {("held", "held_by_operator")}
    released = await operator.post("/v1/destinations/duo:rio/release", {"brins": None, "reason": "klaar"})
    assert released.json["state"] == "open"
    async with pool.acquire() as c:
        assert await take(c, "duo:rio") == 2
    notes = (await operator.get("/v1/audit")).json["items"]
    assert [(n["action"], n["reason"], n["before"], n["after"]) for n in notes[:2]] == [
        ("destination.released", "klaar", {"held": True}, {"held": False}),
        ("destination.held", "onderhoud", {"held": False}, {"held": True}),
    ]


async def test_one_school_may_be_held(operator: Client, pool: Pool) -> None:
    """Only its lane stands still, also one that did not exist yet; it is due again when it is released."""
    path = "/v1/destinations/duo:rio"
    held = await operator.post(f"{path}/hold", {"brins": ["18DS"], "reason": "x"})
    assert (held.json["state"], held.json["heldBrins"]) == ("open", ["18DS"])
    assert (await operator.post("/v1/destinations/duo:verzuim/hold", {"brins": ["18DS"], "reason": "x"})).status == 200
    late = await lag_of(operator, "duo:rio")
    assert (late["waiting"], late["held"]) == (1, 1)
    async with pool.acquire() as c:
        assert await take(c, "duo:rio") == 1
        assert await statuses(c, "duo:rio") == ["delivered", "waiting"]
    lanes = (await operator.get("/v1/lanes", destination="duo:rio")).json["items"]
    assert [(x["brin"], x["state"]) for x in lanes] == [("00AA", "idle"), ("18DS", "held")]
    await operator.post(f"{path}/release", {"brins": ["18DS"], "reason": "y"})
    async with pool.acquire() as c:
        assert await take(c, "duo:rio") == 1
    assert [n["action"] for n in (await operator.get("/v1/audit", brin="18DS")).json["items"]][:2] == [
        "destination.released", "destination.held"
    ]  # fmt: skip
    wrong = await operator.post(f"{path}/hold", {"brins": ["99ZZ"], "reason": "x"})
    assert (wrong.status, wrong.json["code"]) == (400, "unknown_school")
    assert (await operator.post("/v1/destinations/duo:no/hold", {"brins": None, "reason": "x"})).status == 404


async def test_destinations_are_listed_as_promised(operator: Client) -> None:
    """Name, kind, services, state, circuit; copies that were never sent are left out."""
    listed = (await operator.get("/v1/destinations")).json["items"]
    assert [each["name"] for each in listed] == [
        "duo:bron-po", "duo:rio", "duo:verzuim", LAS, "las:00000099000000002000"
    ]  # fmt: skip
    assert (await operator.get("/v1/destinations/duo:rio")).json == {
        "name": "duo:rio", "kind": "duo", "shownAs": "RIO", "services": ["RIO"], "topic": "duo.rio.v1",
        "subscriptionId": None, "state": "open", "heldBrins": [], "releasedBrins": [],
        "circuit": {"state": "closed", "since": None, "lastError": None},
        "pace": None, "inFlight": 0,
        "objective": {"transportSeconds": 60, "processingSeconds": 172800, "share": 0.95},
    }  # fmt: skip
    assert next(each["shownAs"] for each in listed if each["name"] == LAS) == "Een, VVA"


async def test_a_delivery_that_waits_can_be_cancelled_once(operator: Client, pool: Pool) -> None:
    """Its lane goes on without it; what has come to its end is a conflict."""
    one = (await operator.get("/v1/deliveries", destination="duo:rio", brin="18DS")).json["items"][0]
    path = f"/v1/deliveries/{one['id']}/cancellation"
    done = await operator.post(path, {"reason": "fout"})
    assert (done.status, done.json["status"], done.json["reason"]) == (200, "cancelled", "fout")
    note = (await operator.get("/v1/audit", brin="18DS")).json["items"][0]
    assert (note["action"], note["before"], note["after"]) == (
        "delivery.cancelled", {"status": "waiting"}, {"status": "cancelled"},
    )  # fmt: skip
    again = await operator.post(path, {"reason": "fout"})
    assert (again.status, again.json["code"]) == (409, "final")
    assert (await operator.post(f"/v1/deliveries/{uuid4()}/cancellation", {"reason": "x"})).status == 404
    async with pool.acquire() as c:
        assert await take(c, "duo:rio") == 1


async def park(c: Connection, body: object, reason: str = "unknown_delivery") -> None:
    """Put a record aside as the reader of reports does."""
    await reports.park_record(c, {
        "topic": "duo.reports.v1", "partition": 0, "offset": 7, "key": None, "headers": [], "bytes": orjson.dumps(body),
        "digest": b"d", "reason": reason, "blame": "sender", "detail": "x", "delivery_id": None, "mandate_id": None,
        "mandate_version": None, "received_at": (await c.fetchval("select now()")),
    })  # fmt: skip


def told(delivery_id: str) -> dict[str, Any]:
    """Write a report as DUO does."""
    data = {"deliveryId": delivery_id, "status": "processed", "signals": [], "reportedAt": "2026-11-23T12:00:00Z"}
    return {"specversion": "1.0", "id": "r1", "source": "urn:x", "type": "nl.osr.report.v1", "data": data}


async def test_a_parked_record_is_used_or_discarded(operator: Client, pool: Pool) -> None:
    """It shows its bytes; a retry applies it or says why not; a decision is taken once."""
    async with pool.acquire() as c:
        await take(c, "duo:rio")
        await park(c, told(str(uuid4())))
    one = (await operator.get("/v1/parked")).json["items"][0]
    assert set(one) >= {
        "id", "topic", "partition", "offset", "reason", "blame", "receivedAt", "bytesBase64", "state"
    }  # fmt: skip
    path = f"/v1/parked/{one['id']}"
    assert (await operator.post(f"{path}/retry")).json["code"] == "unknown_delivery"
    delivery = (await operator.get("/v1/deliveries", destination="duo:rio")).json["items"][0]["id"]
    async with pool.acquire() as c:
        await c.execute("update parked_records set bytes = $1", orjson.dumps(told(delivery)))
    assert (await operator.post(f"{path}/retry")).json["state"] == "retried"
    assert (await operator.get(f"/v1/deliveries/{delivery}")).json["status"] == "processed"
    note = (await operator.get("/v1/audit")).json["items"][0]
    assert (note["action"], note["before"], note["after"]) == (
        "parked.retried", {"state": "open"}, {"state": "retried"},
    )  # fmt: skip
    assert (await operator.post(f"{path}/discard", {"reason": "x"})).json["code"] == "final"
    assert (await operator.get("/v1/parked", state="open")).json["items"] == []
    assert (await operator.post("/v1/parked/999/retry")).status == 404


async def test_metrics_have_the_promised_names(hub: Client, pool: Pool) -> None:
    """Every name of the table is there, with the numbers of the database; no token is asked for."""
    async with pool.acquire() as c:
        await fail(c, "duo:rio")
        meters = Meters()
        meters.observe(await c.fetchval("select id from destinations where name = 'duo:rio'"), "plan", 0.004)
        await meters.flush(c, 0)
    reply = await hub.get("/metrics")
    assert reply.status == 200
    text = reply.body.decode()
    for line in (
        'osr_hub_events_total{type="nl.osr.mandate.granted.v1"} 0.0',
        'osr_hub_deliveries{destination="duo:rio",status="retrying"} 2.0',
        f'osr_hub_deliveries{{destination="{LAS}",status="held"}} 1.0',
        'osr_hub_oldest_undelivered_seconds{destination="duo:rio"}',
        'osr_hub_oldest_unprocessed_seconds{destination="duo:rio"} 0.0',
        'osr_hub_attempts_total{destination="duo:rio",outcome="retry"}',
        "osr_hub_unpublished_events 3.0",
        "osr_hub_unplanned_events 0.0",
        "osr_hub_parked 0.0",
        'osr_hub_circuit_open{destination="duo:rio"} 0.0',
        'osr_hub_objective_overdue{destination="duo:rio",hop="transport"} 0.0',
        'osr_hub_lanes{destination="duo:rio",state="retrying"} 2.0',
        "osr_hub_stranded_lanes_total 0.0",
    ):
        assert line in text
    for edge, n in (("0.003", "0.0"), ("0.005", "1.0"), ("+Inf", "1.0")):
        assert f'osr_hub_delivery_seconds_bucket{{destination="duo:rio",hop="plan",le="{edge}"}} {n}' in text
    assert 'osr_hub_delivery_seconds_sum{destination="duo:rio",hop="plan"} 0.004' in text


async def test_schemas_are_open_to_all(hub: Client) -> None:
    """What `dataschema` names can be read without a token."""
    reply = await hub.get("/v1/schemas/mandate-change.v1.json")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/schema+json")
    assert (await hub.get("/v1/schemas/none.json")).status == 404


@pytest.mark.parametrize("path", ["/v1/lag", "/v1/destinations", "/v1/audit"])
async def test_only_operations_look_behind_the_counter(hub: Client, path: str) -> None:
    """Nobody else reads them, and without a token nobody is anybody."""
    assert (await hub.get(path)).status == 401
    for caller in (
        hub.as_caller(Role.SCHOOL, brins=["18DS"]),
        hub.as_caller(Role.LAS, oin=ONE),
        hub.as_caller(Role.DUO),
    ):
        assert (await caller.get(path)).status == 403
