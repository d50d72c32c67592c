"""A supplier with two systems, over HTTP: which one a mandate is for, who speaks for which, and what each one gets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hub import plan
from hub.access import Caller, Role
from hub.access.development import issue
from hub.clock import now
from schemas.identifiers import Oin
from tests.support.api.client import client_of
from tests.support.api.school_calls import ONE, OTHER, codes, fill_register, mandate_request, patch
from tests.support.api.subscribing import consents, subscription_request
from tests.support.receivers.receiver import Receiver, receiver
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

SECOND = "een-speciaal"
CONTACT = {"name": "Servicedesk", "email": "help@een.example", "phone": "020-1234567", "url": None}


@pytest.fixture
async def two(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub where supplier `ONE` has two systems, called as operations."""
    async with pool.acquire() as c:
        await fill_register(c)
    settings = {"SECRETS__KEYS": new_key(), "WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK__TIMEOUT_SECONDS": "1"}
    operations = client_of(tmp_path, pool, **settings).as_caller(Role.OPERATIONS)
    body = {"supplierOin": ONE, "systemCode": SECOND, "systemName": "Een", "serviceCodes": ["VVA"], "contact": CONTACT}
    made = await operations.post("/v1/systems", body)
    assert (made.status, made.json) == (201, body)
    return operations


@pytest.fixture
async def las() -> AsyncIterator[Receiver]:
    """Give a receiver that consents."""
    async with receiver(consents) as it:
        yield it


def school_of(hub: Client) -> Client:
    """Be the administrator of 18DS."""
    return hub.as_caller(Role.SCHOOL, brins=["18DS"])


def system_of(hub: Client, *systems: str) -> Client:
    """Be supplier `ONE` with a token for these systems."""
    caller = Caller(
        subject="test las", roles=frozenset({Role.LAS}), oins=frozenset({Oin(ONE)}), systems=frozenset(systems)
    )
    return replace(hub, token=issue(hub.keyfile, caller, now=now()))


async def granted(client: Client, **differs: Any) -> dict[str, Any]:
    """Grant a mandate and return it."""
    made = await client.post("/v1/mandates", mandate_request(**differs))
    assert made.status == 201, made.body
    body: dict[str, Any] = made.json
    return body


async def plan_all(pool: Pool) -> None:
    """Plan what the register recorded."""
    async with pool.acquire() as c, c.transaction():
        await plan.plan(c, {"18DS": None}, now(), 0)


async def test_a_mandate_is_for_a_system(two: Client) -> None:
    """By its code, with its supplier or without; by the supplier alone where only one of its systems offers it."""
    school = school_of(two)
    by_code = await granted(school, systemCode=SECOND, supplierOin=None)
    assert (by_code["supplierOin"], by_code["systemCode"]) == (ONE, SECOND)
    by_both = await granted(school, systemCode=ONE)
    assert (by_both["supplierOin"], by_both["systemCode"]) == (ONE, ONE)
    only_one = await granted(school, serviceCode="RIO")
    assert only_one["systemCode"] == ONE
    named = await school.get("/v1/mandates", systemCode=SECOND)
    assert [each["id"] for each in named.json["items"]] == [by_code["id"]]


async def test_a_mandate_that_names_no_system_is_refused_in_words(two: Client) -> None:
    """Two systems of a supplier offer it; a code is of another supplier; a code does not exist; neither is given."""
    school = school_of(two)
    which = await school.post("/v1/mandates", mandate_request())
    assert (which.status, codes(which)) == (400, [("/systemCode", "which_system")])
    assert f"{ONE}, {SECOND}" in which.json["errors"][0]["detail"]
    other = await school.post("/v1/mandates", mandate_request(systemCode=SECOND, supplierOin=OTHER))
    assert codes(other) == [("/systemCode", "other_supplier")]
    unknown = await school.post("/v1/mandates", mandate_request(systemCode="geen"))
    assert codes(unknown) == [("/systemCode", "unknown_system")]
    refused = await school.post("/v1/mandates", mandate_request(systemCode=SECOND, serviceCode="RIO"))
    assert codes(refused) == [("/systemCode", "service_not_offered")]
    neither = await school.post("/v1/mandates", {"brin": "18DS", "serviceCode": "VVA"})
    assert codes(neither) == [("/supplierOin", "required")]
    malformed = await school.post("/v1/mandates", mandate_request(systemCode="-", supplierOin=None))
    assert codes(malformed) == [("/systemCode", "value_error")]


async def test_two_systems_of_a_supplier_are_two_systems(two: Client) -> None:
    """They overlap each other freely, claim the rest together, and only one of them overlaps itself."""
    school = school_of(two)
    first, second = await granted(school, systemCode=ONE), await granted(school, systemCode=SECOND)
    assert first["warnings"] == []
    assert [each["code"] for each in second["warnings"]] == ["needs_routing"]
    again = await school.post("/v1/mandates", mandate_request(systemCode=SECOND))
    assert (again.status, again.json["code"]) == (409, "overlap")
    moved = await patch(school, f"/v1/mandates/{second['id']}", {"systemCode": ONE}, 1)
    assert codes(moved) == [("/systemCode", "immutable")]


async def test_cells_copies_and_routing_name_the_system(two: Client, pool: Pool) -> None:
    """A cell, a copy to a school of another system of the same supplier, and the routing of a branch."""
    school = school_of(two).as_caller(Role.SCHOOL, brins=["18DS", "00AA"])
    made = await granted(school, systemCode=SECOND)
    await plan_all(pool)
    status = (await school.get("/v1/schools/18DS/status")).json
    cell = status["branches"][0]["cells"][0]
    assert (cell["systemCode"], cell["destination"], cell["status"]) == (SECOND, f"las:{SECOND}", "held")
    routes = (await school.get("/v1/routing", branch="18DS00", serviceCode="VVA")).json["items"]
    assert [each["systemCode"] for each in routes] == [SECOND]
    await granted(school, brin="00AA", systemCode=ONE)
    copied = await school.post(f"/v1/mandates/{made['id']}/copies", {"brins": ["00AA"], "dryRun": True})
    assert [(each["outcome"], each["reason"]) for each in copied.json["results"]] == [("skipped", "other_system")]


async def test_a_token_for_some_systems_acts_for_those_only(two: Client, pool: Pool) -> None:
    """Mandates, deliveries, routing and validation of another system of the same supplier are not seen."""
    school = school_of(two)
    first, second = await granted(school, systemCode=ONE), await granted(school, systemCode=SECOND)
    await plan_all(pool)
    everything, limited = two.as_caller(Role.LAS, oin=ONE), system_of(two, SECOND)
    seen = {each["id"] for each in (await everything.get("/v1/mandates")).json["items"]}
    assert seen == {first["id"], second["id"]}
    assert [each["id"] for each in (await limited.get("/v1/mandates")).json["items"]] == [second["id"]]
    assert (await limited.get(f"/v1/mandates/{first['id']}")).status == 404
    told = (await everything.get("/v1/deliveries")).json["items"]
    assert {each["destination"] for each in told} == {f"las:{ONE}"}
    assert (await limited.get("/v1/deliveries")).json["items"] == []
    assert (await limited.get(f"/v1/deliveries/{told[0]['id']}")).status == 404
    routes = (await limited.get("/v1/routing", branch="18DS00", serviceCode="VVA")).json["items"]
    assert [each["systemCode"] for each in routes] == [SECOND]
    asked: dict[str, Any] = {"schoolOin": "0000000700018DS00000", "supplierOin": ONE, "serviceCode": "VVA"}
    assert (await limited.get("/v1/mandate-validations", **asked)).json["mandate"]["id"] == second["id"]
    assert (await system_of(two).get("/v1/mandate-validations", **asked)).json == {"result": "OK", "mandate": None}


async def test_each_system_has_a_subscription(two: Client, las: Receiver, pool: Pool) -> None:
    """One that names its system, one whose token speaks for one system only; without either, which one is asked."""
    await granted(school_of(two), systemCode=SECOND)
    await plan_all(pool)
    supplier = two.as_caller(Role.LAS, oin=ONE)
    which = await supplier.post("/v1/subscriptions", subscription_request(las))
    assert (which.status, codes(which)) == (400, [("/systemCode", "which_system")])
    unread = await supplier.post("/v1/subscriptions", subscription_request(las, services="VVA"))
    assert codes(unread) == [("/services", "list_type"), ("/systemCode", "which_system")]
    unknown = await supplier.post("/v1/subscriptions", subscription_request(las, systemCode="geen"))
    assert codes(unknown) == [("/systemCode", "unknown_system")]
    first = await supplier.post("/v1/subscriptions", subscription_request(las, systemCode=ONE))
    assert (first.status, first.json["destination"]) == (201, f"las:{ONE}")
    limited = system_of(two, SECOND)
    second = await limited.post("/v1/subscriptions", subscription_request(las))
    assert (second.status, second.json["systemCode"], second.json["destination"]) == (201, SECOND, f"las:{SECOND}")
    again = await supplier.post("/v1/subscriptions", subscription_request(las, systemCode=SECOND))
    assert (again.status, again.json["code"]) == (409, "already_subscribed")
    assert len((await supplier.get("/v1/subscriptions")).json["items"]) == 2
    assert [each["id"] for each in (await limited.get("/v1/subscriptions")).json["items"]] == [second.json["id"]]
    assert (await limited.get(f"/v1/subscriptions/{first.json['id']}")).status == 404
    told = (await limited.get("/v1/deliveries")).json["items"]
    assert [(each["status"], each["type"]) for each in told] == [
        ("cancelled", "nl.osr.mandate.granted.v1"),
        ("waiting", "nl.osr.mandate.granted.v1"),
    ]


async def test_each_system_reconciles_its_own(two: Client, pool: Pool) -> None:
    """A supplier of several systems says which of them compares; a token for one of them need not."""
    made = await granted(school_of(two), systemCode=SECOND)
    await plan_all(pool)
    supplier, body = two.as_caller(Role.LAS, oin=ONE), {"serviceCode": "VVA", "units": []}
    assert codes(await supplier.post("/v1/reconciliation", body)) == [("/systemCode", "which_system")]
    for asking, named in ((supplier, {"systemCode": SECOND}), (system_of(two, SECOND), {})):
        found = (await asking.post("/v1/reconciliation", body | named)).json
        assert [each["data"]["mandateId"] for each in found["pending"]] == [made["id"]]
        assert found["pending"][0]["data"]["systemCode"] == SECOND
    assert (await supplier.post("/v1/reconciliation", body | {"systemCode": ONE})).json["pending"] == []


async def test_a_systems_code_is_its_own(two: Client) -> None:
    """A code of another supplier, or that is another supplier's OIN, is refused; a contact stays when left out."""
    body = {"supplierOin": OTHER, "systemCode": SECOND, "systemName": "X", "serviceCodes": ["VVA"]}
    assert codes(await two.post("/v1/systems", body)) == [("/systemCode", "other_supplier")]
    assert codes(await two.post("/v1/systems", {**body, "systemCode": ONE})) == [("/systemCode", "invalid")]
    kept = {"supplierOin": ONE, "systemCode": SECOND, "systemName": "Eén", "serviceCodes": ["VVA"]}
    changed = await two.post("/v1/systems", kept)
    assert (changed.status, changed.json["systemName"], changed.json["contact"]) == (200, "Eén", CONTACT)
    emptied = await two.post("/v1/systems", kept | {"contact": {}})
    assert emptied.json["contact"] == dict.fromkeys(CONTACT)
    wrong = await two.post("/v1/systems", kept | {"contact": {"email": "x", "phone": "bel", "url": "mailto:x"}})
    assert [field for field, _ in codes(wrong)] == ["/contact/email", "/contact/phone", "/contact/url"]
    listed = (await two.get("/v1/systems")).json["items"]
    assert [each["systemCode"] for each in listed] == [ONE, OTHER, SECOND]
