"""The register on a real database: a grant is one transaction, and each rule names its fault."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import asyncpg
import orjson
import pytest

from hub import register
from hub.domain.ids import time_of
from hub.domain.kinds import Kind
from hub.errors import Conflict, InvalidInput
from hub.register import Author, CopyRequest, GrantRequest
from hub.store.register import living_mandates
from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode
from schemas.messages import MandateChange
from tests.support.register.small_register import (
    B0,
    B1,
    B2,
    B3,
    BRIN,
    ONE,
    OTHER,
    R1,
    R2,
    R3,
    RIO,
    TODAY,
    at,
    fill,
    grant,
    log,
    request,
)

if TYPE_CHECKING:
    from uuid import UUID

    from hub.store.pool import Connection


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """A register of a few schools and two systems."""
    await fill(connection)
    return connection


async def test_a_grant_is_a_mandate_and_an_event_in_one_transaction(c: Connection) -> None:
    """A grant writes mandate, event, outbox row and number in one transaction."""
    mandate = await grant(c, request(branches=((B1, R2),)))
    assert mandate.version == 1
    assert mandate.routes == {B1: R2}
    assert await log(c) == [(1, "granted", [(B1, "granted"), ("", "granted")])]
    assert await c.fetchval("select counter from schools where brin = '18DS'") == 1
    assert [tuple(r) for r in await c.fetch("select brin, number from event_outbox")] == [("18DS", 1)]
    assert await living_mandates(c, [BRIN], TODAY) == [mandate]


async def test_the_body_of_an_event_is_a_published_mandate_change(c: Connection) -> None:
    """The body of an event is valid published data with the whole state."""
    mandate = await grant(c, request(branches=((B1, None),), end=date(2027, 7, 31)))
    row = await c.fetchrow("select * from events")
    assert row is not None
    assert MandateChange.model_validate_json(row["body"]).model_dump(mode="json") == orjson.loads(row["body"])
    assert orjson.loads(row["body"]) == {
        "mandateId": str(mandate.id), "mandateVersion": 1, "state": "active", "changes": ["granted"], "brin": "18DS",
        "schoolOin": "0000000700018DS00000", "bgeCode": "41561", "serviceCode": "VVA", "supplierOin": ONE,
            "systemCode": ONE,
        "systemName": "Een", "startDate": "2026-11-23", "endDate": "2027-07-31",
        "branches": [{"branch": B0, "routingId": None}, {"branch": B1, "routingId": R1},
                     {"branch": B2, "routingId": None}, {"branch": B3, "routingId": None}],
        "copiedFrom": None,
        "restTold": True,
    }  # fmt: skip
    assert row["recorded_at"] == time_of(row["id"]) == datetime(2026, 11, 23, 9, 0, 0, 123000, tzinfo=UTC)
    assert row["traceparent"] == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_everything_that_is_wrong_is_said_at_once(c: Connection) -> None:
    """A request with many faults gets all of them and writes nothing."""
    bad = GrantRequest(
        brin=Brin("00ZZ"),
        service_code=ServiceCode("NONE"),
        supplier_oin=Oin("00000099000000009000"),
        start_date=date(2026, 11, 22),
        end_date=date(2026, 11, 1),
    )
    with pytest.raises(InvalidInput) as refused:
        await grant(c, bad)
    assert [(e.field, e.code) for e in refused.value.errors] == [
        ("/brin", "unknown_school"),
        ("/serviceCode", "unknown_service"),
        ("/supplierOin", "unknown_system"),
        ("/startDate", "in_the_past"),
        ("/endDate", "before_start"),
    ]
    assert await c.fetchval("select count(*) from mandates") == 0


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (request(brin=Brin("00BB")), [("/brin", "school_closed")]),
        (request(brin=Brin("00CC")), [("/brin", "no_agreement")]),
        (request(start=date(2026, 11, 23), end=date(9999, 12, 31)), [("/endDate", "too_late")]),
        (request(branches=((Branch("18DS09"), None),)), [("/branches/0/branch", "branch_closed")]),
        (request(branches=((Branch("00AA00"), None),)), [("/branches/0/branch", "unknown_branch")]),
        (request(branches=((B0, R1), (B0, None))), [("/branches/1/branch", "duplicate")]),
        (
            request(branches=((B0, RoutingId("0000000700000AA00001")), (B1, R1), (B2, R1))),
            [("/branches/0/routingId", "other_school"), ("/branches/2/routingId", "taken")],
        ),
        (request(branches=((B0, RoutingId("0000000700018DS00000")),)), [("/branches/0/routingId", "invalid")]),
    ],
)
async def test_a_wish_that_breaks_a_rule_names_the_field(
    c: Connection, wanted: GrantRequest, expected: list[tuple[str, str]]
) -> None:
    """Each broken rule has its code and names its field."""
    with pytest.raises(InvalidInput) as refused:
        await grant(c, wanted)
    assert [(e.field, e.code) for e in refused.value.errors] == expected


async def test_a_system_must_offer_the_service(c: Connection) -> None:
    """A mandate for a service that the system does not offer is refused."""
    wanted = GrantRequest(brin=BRIN, service_code=RIO, supplier_oin=OTHER, start_date=TODAY)
    with pytest.raises(InvalidInput) as refused:
        await grant(c, wanted)
    assert [(e.field, e.code) for e in refused.value.errors] == [("/supplierOin", "service_not_offered")]


async def test_mandates_of_one_system_may_not_overlap(c: Connection) -> None:
    """Mandates of one school, service and system must not overlap in time."""
    await grant(c, request(end=date(2027, 7, 31)))
    with pytest.raises(Conflict) as refused:
        await grant(c, request(start=date(2027, 7, 31)))
    assert refused.value.reason == "overlap"
    await grant(c, request(start=date(2027, 8, 1)))


async def test_a_routing_characteristic_is_unique_per_service(c: Connection) -> None:
    """A routing characteristic is unique per service; the lowest free one is free for all services."""
    await grant(c, request(branches=((B0, R1),)))
    with pytest.raises(Conflict) as refused:
        await grant(c, request(OTHER, branches=((B1, R1),)))
    assert refused.value.reason == "taken"
    other = GrantRequest(brin=BRIN, service_code=RIO, supplier_oin=ONE, start_date=TODAY, branches=((B0, R1),))
    await grant(c, other)
    assert (await grant(c, request(OTHER, branches=((B1, None), (B2, R2))))).routes == {B1: R3, B2: R2}
    assert await register.available_routing(c, BRIN, TODAY) == RoutingId("0000000700018DS00004")


async def test_a_copy_says_per_school_what_became_of_it(c: Connection) -> None:
    """A copy reports an outcome per school of the caller; a dry run writes nothing."""
    source = await grant(c, request(end=date(2027, 7, 31)))
    brins = [Brin("00AA"), BRIN, Brin("00BB"), Brin("00CC"), Brin("00ZZ")]

    async def copied(*, dry_run: bool, may_administer: bool = True) -> list[tuple[str | None, bool]]:
        order = CopyRequest(mandate_id=source.id, brins=brins, dry_run=dry_run)
        results = await register.copy(c, order, at(), Author(may_administer=lambda _: may_administer))
        assert [result.brin for result in results] == brins
        return [(result.reason, result.mandate_id is not None) for result in results]

    refused = [("overlap", False), ("school_closed", False), ("no_agreement", False), ("unknown_school", False)]
    assert await copied(dry_run=True) == [(None, True), *refused]
    assert await log(c, "00AA") == []
    assert await copied(dry_run=False, may_administer=False) == [("unknown_school", False)] * 5
    assert await copied(dry_run=False) == [(None, True), *refused]
    body = orjson.loads(await c.fetchval("select body from events where brin = '00AA'"))
    assert (body["copiedFrom"], body["endDate"]) == (str(source.id), "2027-07-31")
    assert await copied(dry_run=False) == [("overlap", False), *refused]


async def test_a_school_with_another_system_gets_no_copy(c: Connection) -> None:
    """A school with another system gets no copy, and the outcome names that system."""
    await grant(c, request(OTHER, brin=Brin("00AA")))
    source = await grant(c, request())
    order = CopyRequest(mandate_id=source.id, brins=[Brin("00AA")], dry_run=False)
    (result,) = await register.copy(c, order, at())
    assert (result.reason, result.current_system) == ("other_system", "Ander")


async def test_changes_of_one_school_wait_for_each_other(c: Connection, database: str) -> None:
    """Concurrent changes of a school are serialized and see each other."""

    async def one(supplier: Oin) -> UUID:
        mine = await asyncpg.connect(database)
        try:
            return (await grant(mine, request(supplier, branches=((B0, None),)))).id
        finally:
            await mine.close()

    await asyncio.gather(one(ONE), one(OTHER))
    events = await log(c)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    assert sorted(r["routing_id"] for r in await c.fetch("select routing_id from routes")) == [R1, R2]


async def test_kinds_are_those_of_the_database(c: Connection) -> None:
    """The event types of code and database are the same set."""
    rows = await c.fetch("select unnest(enum_range(null::event_type))::text as kind")
    assert [row["kind"] for row in rows] == [kind.value for kind in Kind]
