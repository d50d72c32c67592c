"""The register on a real database: one transaction per change, numbered events, nothing told twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from hub import register
from hub.domain.ids import time_of
from hub.domain.kinds import Kind
from hub.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from hub.register import Order, Patch, Wish, moment
from hub.store.register import System, living_mandates, write_systems
from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode
from schemas.messages import MandateChange

if TYPE_CHECKING:
    from hub.domain.mandate import Mandate
    from hub.register import Moment

    Connection = asyncpg.Connection[Any]

MORNING = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
TODAY = date(2026, 11, 23)
ONE, OTHER = Oin("00000099000000001000"), Oin("00000099000000002000")
VVA, RIO = ServiceCode("VVA"), ServiceCode("RIO")
BRIN = Brin("18DS")
B0, B1, B2, B3 = (Branch(f"18DS0{n}") for n in range(4))
R1, R2, R3 = (RoutingId(f"0000000700018DS0000{n}") for n in (1, 2, 3))


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Make a register with a school of four branches, one of one, a closed one, and two systems."""
    await connection.execute(
        """
        insert into boards (bge_code, name) values ('41561', null), ('41775', null);
        insert into boards (bge_code, name, vva_agreement) values ('40000', null, false);
        insert into schools (brin, name, bge_code, sector, closed_on) values
          ('18DS', 'De Boog', '41561', 'po', null), ('00AA', 'De Eerste', '41775', 'po', null),
          ('00BB', 'De Dichte', '41775', 'po', '2026-08-01'), ('00CC', 'Zonder', '40000', 'vo', null);
        insert into branches (branch, brin, name) values ('00AA00', '00AA', 'De Eerste'), ('00CC00', '00CC', 'Zonder');
        insert into branches (branch, brin, name, closed_on) values
          ('18DS00', '18DS', 'a', null), ('18DS01', '18DS', 'b', null), ('18DS02', '18DS', 'c', null),
          ('18DS03', '18DS', 'd', null), ('18DS09', '18DS', 'e', '2026-01-01');
        """
    )
    systems = [
        System(supplier_oin=ONE, name="Een", service_codes=frozenset({VVA, RIO})),
        System(supplier_oin=OTHER, name="Ander", service_codes=frozenset({VVA})),
    ]
    await write_systems(connection, systems)
    return connection


def at(day: date | None = None) -> Moment:
    """Make the moment of a test: a November morning, or the same hour on another day."""
    shift = timedelta() if day is None else day - TODAY
    return moment(MORNING + shift, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def wish(
    supplier: Oin = ONE,
    *,
    start: date = TODAY,
    end: date | None = None,
    branches: tuple[tuple[Branch, RoutingId | None], ...] = (),
    brin: Brin = BRIN,
) -> Wish:
    """Make a wish for VVA."""
    return Wish(brin=brin, service_code=VVA, supplier_oin=supplier, start_date=start, end_date=end, branches=branches)


async def grant(c: Connection, wanted: Wish, when: Moment | None = None) -> Mandate:
    """Grant in a transaction of its own."""
    async with c.transaction():
        return await register.grant(c, wanted, when or at())


async def log(c: Connection, brin: str = BRIN) -> list[tuple[int, str, list[tuple[str, str]]]]:
    """Show a school's events: number, type, and what was told of which unit."""
    rows = await c.fetch(
        "select number, type::text as type, units::text as units from events where brin = $1 order by number", brin
    )
    return [(r["number"], r["type"], [(u["branch"], u["type"]) for u in orjson.loads(r["units"])]) for r in rows]


async def test_a_grant_is_a_mandate_and_an_event_in_one_transaction(c: Connection) -> None:
    """Everything that follows from a grant is written with it: mandate, event, errand, number."""
    mandate = await grant(c, wish(branches=((B1, R2),)))
    assert mandate.version == 1
    assert mandate.routes == {B1: R2}
    assert await log(c) == [(1, "granted", [(B1, "granted"), ("", "granted")])]
    assert await c.fetchval("select counter from schools where brin = '18DS'") == 1
    assert [tuple(r) for r in await c.fetch("select brin, number from todo")] == [("18DS", 1)]
    assert await living_mandates(c, [BRIN], TODAY) == [mandate]


async def test_the_body_of_an_event_is_a_published_mandate_change(c: Connection) -> None:
    """What the register writes reads as the published language has it, with the whole state."""
    mandate = await grant(c, wish(branches=((B1, None),), end=date(2027, 7, 31)))
    row = await c.fetchrow("select * from events")
    assert row is not None
    assert MandateChange.model_validate_json(row["body"]).model_dump(mode="json") == orjson.loads(row["body"])
    assert orjson.loads(row["body"]) == {
        "mandateId": str(mandate.id), "mandateVersion": 1, "state": "active", "changes": ["granted"], "brin": "18DS",
        "schoolOin": "0000000700018DS00000", "bgeCode": "41561", "serviceCode": "VVA", "supplierOin": ONE,
        "systemName": "Een", "startDate": "2026-11-23", "endDate": "2027-07-31",
        "branches": [{"branch": B0, "routingId": None}, {"branch": B1, "routingId": R1},
                     {"branch": B2, "routingId": None}, {"branch": B3, "routingId": None}],
        "copiedFrom": None,
    }  # fmt: skip
    assert row["recorded_at"] == time_of(row["id"]) == datetime(2026, 11, 23, 9, 0, 0, 123000, tzinfo=UTC)
    assert row["traceparent"] == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_everything_that_is_wrong_is_said_at_once(c: Connection) -> None:
    """A wish with many faults gets them all back, and leaves nothing behind."""
    bad = Wish(
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
        (wish(brin=Brin("00BB")), [("/brin", "school_closed")]),
        (wish(brin=Brin("00CC")), [("/brin", "no_agreement")]),
        (wish(start=date(2026, 11, 23), end=date(9999, 12, 31)), [("/endDate", "too_late")]),
        (wish(branches=((Branch("18DS09"), None),)), [("/branches/0/branch", "branch_closed")]),
        (wish(branches=((Branch("00AA00"), None),)), [("/branches/0/branch", "unknown_branch")]),
        (wish(branches=((B0, R1), (B0, None))), [("/branches/1/branch", "duplicate")]),
        (
            wish(branches=((B0, RoutingId("0000000700000AA00001")), (B1, R1), (B2, R1))),
            [("/branches/0/routingId", "other_school"), ("/branches/2/routingId", "taken")],
        ),
        (wish(branches=((B0, RoutingId("0000000700018DS00000")),)), [("/branches/0/routingId", "invalid")]),
    ],
)
async def test_a_wish_that_breaks_a_rule_names_the_field(
    c: Connection, wanted: Wish, expected: list[tuple[str, str]]
) -> None:
    """Each rule has a code of its own and points at what breaks it."""
    with pytest.raises(InvalidInput) as refused:
        await grant(c, wanted)
    assert [(e.field, e.code) for e in refused.value.errors] == expected


async def test_a_system_must_offer_the_service(c: Connection) -> None:
    """A mandate for a service that the system does not have is refused."""
    wanted = Wish(brin=BRIN, service_code=RIO, supplier_oin=OTHER, start_date=TODAY)
    with pytest.raises(InvalidInput) as refused:
        await grant(c, wanted)
    assert [(e.field, e.code) for e in refused.value.errors] == [("/supplierOin", "service_not_offered")]


async def test_mandates_of_one_system_may_not_overlap(c: Connection) -> None:
    """For one school, service and system there is one mandate a day; a later one may follow."""
    await grant(c, wish(end=date(2027, 7, 31)))
    with pytest.raises(Conflict) as refused:
        await grant(c, wish(start=date(2027, 7, 31)))
    assert refused.value.reason == "overlap"
    await grant(c, wish(start=date(2027, 8, 1)))


async def test_a_routing_characteristic_is_unique_per_service(c: Connection) -> None:
    """A second mandate cannot take one that is in use; another service can; a free one is the lowest over all."""
    await grant(c, wish(branches=((B0, R1),)))
    with pytest.raises(Conflict) as refused:
        await grant(c, wish(OTHER, branches=((B1, R1),)))
    assert refused.value.reason == "taken"
    other = Wish(brin=BRIN, service_code=RIO, supplier_oin=ONE, start_date=TODAY, branches=((B0, R1),))
    await grant(c, other)
    assert (await grant(c, wish(OTHER, branches=((B1, None), (B2, R2))))).routes == {B1: R3, B2: R2}
    assert await register.available_routing(c, BRIN, TODAY) == RoutingId("0000000700018DS00004")


async def test_an_amendment_reaches_whoever_was_told(c: Connection) -> None:
    """A new end date is an event of its own, to every unit; the same dates again are none."""
    mandate = await grant(c, wish(branches=((B0, R1),)))
    async with c.transaction():
        after = await register.amend(c, mandate.id, Patch(end_date=date(2027, 7, 31)), at(), expected=1)
    assert (after.version, after.next_date) == (2, date(2027, 8, 1))
    async with c.transaction():
        assert await register.amend(c, mandate.id, Patch(end_date=date(2027, 7, 31)), at()) == after
    assert (await log(c))[1:] == [(2, "amended", [(B0, "amended"), ("", "amended")])]
    assert orjson.loads(await c.fetchval("select body from events where number = 2"))["changes"] == ["endDate"]


async def test_a_stale_version_changes_nothing(c: Connection) -> None:
    """Who decides on an old version is told so."""
    mandate = await grant(c, wish())
    with pytest.raises(PreconditionFailed):
        await register.amend(c, mandate.id, Patch(end_date=date(2027, 7, 31)), at(), expected=7)
    assert len(await log(c)) == 1


async def test_a_start_date_moves_only_while_it_lies_ahead(c: Connection) -> None:
    """A mandate that started has started."""
    ahead = await grant(c, wish(start=date(2027, 8, 1)))
    after = await register.amend(c, ahead.id, Patch(start_date=date(2027, 9, 1)), at())
    assert (after.start_date, after.next_date) == (date(2027, 9, 1), date(2027, 9, 1))
    with pytest.raises(InvalidInput) as refused:
        await register.amend(c, ahead.id, Patch(start_date=date(2027, 10, 1)), at(date(2027, 9, 1)))
    assert [(e.field, e.code) for e in refused.value.errors] == [("/startDate", "immutable")]
    with pytest.raises(InvalidInput) as refused:
        await register.amend(c, ahead.id, Patch(start_date=date(2026, 1, 1), end_date=date(2026, 2, 1)), at())
    assert [(e.field, e.code) for e in refused.value.errors] == [
        ("/startDate", "in_the_past"),
        ("/endDate", "in_the_past"),
    ]


async def test_a_withdrawal_ends_it_once_and_frees_the_others(c: Connection) -> None:
    """Whoever was told hears the end; a rest that waited for it is granted in the same transaction."""
    first = await grant(c, wish(branches=((B0, R1),)))
    await grant(c, wish(OTHER))
    async with c.transaction():
        gone = await register.withdraw(c, first.id, at())
    assert gone.withdrawn_at == at().now
    assert await log(c) == [
        (1, "granted", [(B0, "granted"), ("", "granted")]),
        (2, "granted", []),
        (3, "withdrawn", [(B0, "withdrawn"), ("", "withdrawn")]),
        (4, "amended", [("", "granted")]),
    ]
    with pytest.raises(Conflict) as refused:
        await register.withdraw(c, first.id, at())
    assert refused.value.reason == "ended"
    with pytest.raises(NotFound):
        await register.withdraw(c, UUID(int=1), at())


async def test_routing_makes_a_unit_and_unmaking_it_ends_it(c: Connection) -> None:
    """A branch with routing is told by itself; without it the branch is part of the rest again."""
    mandate = await grant(c, wish())
    after = await register.assign_routing(c, mandate.id, B2, None, at())
    assert after.routes == {B2: R1}
    assert await register.assign_routing(c, mandate.id, B2, None, at()) == after
    assert (await register.assign_routing(c, mandate.id, B2, R3, at())).routes == {B2: R3}
    assert (await register.remove_routing(c, mandate.id, B2, at())).routes == {}
    with pytest.raises(NotFound):
        await register.remove_routing(c, mandate.id, B2, at())
    assert await log(c) == [
        (1, "granted", [("", "granted")]),
        (2, "amended", [(B2, "granted"), ("", "amended")]),
        (3, "amended", [(B2, "amended"), ("", "amended")]),
        (4, "amended", [(B2, "withdrawn"), ("", "amended")]),
    ]
    assert await c.fetchval("select count(*) from routes") == 0


async def test_routing_of_one_mandate_shrinks_the_rest_of_another(c: Connection) -> None:
    """A routing characteristic given to B is an event of A too."""
    await grant(c, wish())
    other = await grant(c, wish(OTHER))
    await register.assign_routing(c, other.id, B3, R1, at())
    assert (await log(c))[2:] == [(3, "amended", [(B3, "granted")]), (4, "amended", [("", "amended")])]


async def test_the_calendar_tells_each_date_once(c: Connection) -> None:
    """A start and an end come once, however often the calendar comes by, and free what waited for them."""
    await grant(c, wish(end=date(2027, 7, 31)))
    await grant(c, wish(OTHER, start=date(2027, 8, 1)))
    assert await register.due(c, date(2027, 7, 31), 10) == []
    assert await register.due(c, date(2027, 8, 1), 10) == [BRIN]
    assert await register.arrive(c, [BRIN], at(date(2027, 8, 1))) == 2
    assert await register.arrive(c, [BRIN], at(date(2027, 8, 1))) == 0
    assert (await log(c))[2:] == [(3, "expired", [("", "expired")]), (4, "started", [("", "started")])]
    assert await register.due(c, date(2027, 8, 1), 10) == []


async def test_a_change_lets_the_dates_before_it_arrive_first(c: Connection) -> None:
    """Whoever comes between midnight and the calendar finds the day as it is."""
    ended = await grant(c, wish(end=date(2026, 11, 30)))
    await grant(c, wish(start=date(2026, 12, 1)), at(date(2026, 12, 1)))
    assert [(n, kind) for n, kind, _ in await log(c)] == [(1, "granted"), (2, "expired"), (3, "granted")]
    with pytest.raises(Conflict):
        await register.withdraw(c, ended.id, at(date(2026, 12, 1)))


async def test_days_that_passed_unseen_are_told_in_order(c: Connection) -> None:
    """A mandate that started and ended while nothing ran is told both, and its version counts them."""
    mandate = await grant(c, wish(start=date(2026, 12, 1), end=date(2026, 12, 31)))
    await register.arrive(c, [BRIN], at(date(2027, 3, 1)))
    assert [(n, kind) for n, kind, _ in await log(c)] == [(1, "granted"), (2, "started"), (3, "expired")]
    assert await c.fetchval("select version from mandates where id = $1", mandate.id) == 3


async def test_a_copy_says_per_school_what_became_of_it(c: Connection) -> None:
    """Only schools of the caller, with the same system or none yet; a dry run writes nothing."""
    source = await grant(c, wish(end=date(2027, 7, 31)))
    brins = [Brin("00AA"), BRIN, Brin("00BB"), Brin("00CC"), Brin("00ZZ")]

    async def copied(*, dry_run: bool, may: bool = True) -> list[tuple[str | None, bool]]:
        order = Order(mandate_id=source.id, brins=brins, may=lambda _: may, dry_run=dry_run)
        results = await register.copy(c, order, at())
        assert [result.brin for result in results] == brins
        return [(result.reason, result.mandate_id is not None) for result in results]

    refused = [("overlap", False), ("school_closed", False), ("no_agreement", False), ("unknown_school", False)]
    assert await copied(dry_run=True) == [(None, True), *refused]
    assert await log(c, "00AA") == []
    assert await copied(dry_run=False, may=False) == [("unknown_school", False)] * 5
    assert await copied(dry_run=False) == [(None, True), *refused]
    body = orjson.loads(await c.fetchval("select body from events where brin = '00AA'"))
    assert (body["copiedFrom"], body["endDate"]) == (str(source.id), "2027-07-31")
    assert await copied(dry_run=False) == [("overlap", False), *refused]


async def test_a_school_with_another_system_gets_no_copy(c: Connection) -> None:
    """The outcome names the system that the school has."""
    await grant(c, wish(OTHER, brin=Brin("00AA")))
    source = await grant(c, wish())
    order = Order(mandate_id=source.id, brins=[Brin("00AA")], may=lambda _: True, dry_run=False)
    (result,) = await register.copy(c, order, at())
    assert (result.reason, result.current_system) == ("other_system", "Ander")


async def test_changes_of_one_school_wait_for_each_other(c: Connection, database: str) -> None:
    """Two at once get numbers that follow each other, and the second sees what the first did."""

    async def one(supplier: Oin) -> UUID:
        mine = await asyncpg.connect(database)
        try:
            return (await grant(mine, wish(supplier, branches=((B0, None),)))).id
        finally:
            await mine.close()

    await asyncio.gather(one(ONE), one(OTHER))
    events = await log(c)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    assert sorted(r["routing_id"] for r in await c.fetch("select routing_id from routes")) == [R1, R2]


async def test_kinds_are_those_of_the_database(c: Connection) -> None:
    """The closed set of types is the same on both sides."""
    rows = await c.fetch("select unnest(enum_range(null::event_type))::text as kind")
    assert [row["kind"] for row in rows] == [kind.value for kind in Kind]
