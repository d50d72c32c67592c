"""Imports of files: whole or not at all, one change per school, repeatable."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from hub import register
from hub.domain.difference import Difference
from hub.errors import InvalidInput
from hub.imports import Imported, import_mandates, import_schools, import_systems, register_system
from hub.register import GrantRequest, Moment, moment
from hub.store.register import read_schools
from schemas.identifiers import Brin, Oin, ServiceCode
from tests.support.register.schools import numbered_brin, school_csv

if TYPE_CHECKING:
    from hub.domain.school import School
    from hub.store.pool import Connection

AT = moment(datetime(2026, 11, 23, 9, tzinfo=UTC))
SCHOOLS = (Path(__file__).parent.parent / "data" / "vestigingen-po.csv").read_bytes()
SYSTEMS = b"""supplier_oin;system_name;service_codes
00000099000000001000;Een;BRON_PO,VERZUIM,RIO,VVA
00000099000000002000;Ander;VVA
"""
HEADER = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"
ONE, OTHER = "00000099000000001000", "00000099000000002000"
ROUTING = "0000000700018DS0000"


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a register with the sample's schools and two systems."""
    await import_schools(connection, SCHOOLS, AT)
    await import_systems(connection, SYSTEMS, AT)
    return connection


async def mandates(c: Connection, *rows: str, at: Moment = AT) -> Imported:
    """Import rows of mandates in a transaction of their own."""
    async with c.transaction():
        return await import_mandates(c, (HEADER + "\n".join(rows)).encode(), at)


async def faults(c: Connection, *rows: str) -> list[tuple[str, str]]:
    """Import rows that are wrong, and show what is said of them."""
    with pytest.raises(InvalidInput) as refused:
        await mandates(c, *rows)
    return [(fault.field, fault.code) for fault in refused.value.errors]


async def log(c: Connection, brin: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Show a school's events in order: supplier, type, and what was told of which unit."""
    rows = await c.fetch(
        """select m.supplier_oin, e.type::text as type, e.units::text as units
             from events e join mandates m on m.id = e.mandate_id where e.brin = $1 order by e.number""",
        brin,
    )
    told = [[(unit["branch"], unit["type"]) for unit in orjson.loads(row["units"])] for row in rows]
    return [(row["supplier_oin"], row["type"], units) for row, units in zip(rows, told, strict=True)]


async def school(c: Connection, brin: str) -> School:
    """Read a school."""
    return (await read_schools(c, [brin]))[Brin(brin)]


async def test_the_file_as_duo_publishes_it_is_read(c: Connection) -> None:
    """DUO's file is read: one or several branches, gaps in numbers, a board of 56 schools."""
    assert [place.branch for place in (await school(c, "18DS")).branches] == ["18DS00", "18DS01", "18DS02", "18DS03"]
    assert [place.branch for place in (await school(c, "11OA")).branches] == ["11OA00", "11OA03", "11OA04"]
    assert (await school(c, "18DS")).name == "Openbare Basisschool Bellefleur"
    assert (await school(c, "05OC")).name == "Dalton Kindcentrum ’t Kompas"  # noqa: RUF001 - as it is in the file
    assert await c.fetchval("select count(*) from schools where bge_code = '41775'") == 56
    assert await c.fetchval("select count(*) from events") == 0


@pytest.mark.parametrize(
    "data",
    [
        SCHOOLS.decode("cp1252").encode(),
        b"\xef\xbb\xbf" + SCHOOLS.decode("cp1252").encode(),
        SCHOOLS.replace(b"\n", b"\r\n"),
        SCHOOLS.replace(b"BRIN NUMMER", b"INSTELLINGSCODE").replace(b"VESTIGINGSNUMMER", b"VESTIGINGSCODE"),
    ],
    ids=["utf-8", "utf-8 with a mark", "crlf", "newer names"],
)
async def test_every_form_of_the_file_says_the_same(c: Connection, data: bytes) -> None:
    """Encodings, line endings and column names of all years give the same result."""
    done = await import_schools(c, data, AT)
    assert (done.created, done.unchanged, done.difference) == (0, 59, Difference())


async def test_a_file_of_vo_has_a_column_more_and_leaves_po_alone(c: Connection) -> None:
    """A file of vo leaves po alone; a school without main branch is named after its lowest."""
    data = (
        b"BEVOEGD GEZAG NUMMER;INSTELLINGSCODE;VESTIGINGSCODE;VESTIGINGSNAAM;ONDERWIJSSTRUCTUUR\n"
        b"40011;02VB;02VB04;Noord;HAVO/VWO\n40011;02VB;02VB02;Zuid;VMBO\n"
    )
    done = await import_schools(c, data, AT)
    assert (done.created, done.changed, done.unchanged, done.sector) == (1, 0, 0, "vo")
    assert (await school(c, "02VB")).name == "Zuid"
    assert await c.fetchval("select sector from schools where brin = '02VB'") == "vo"


async def test_a_bad_row_is_named_with_its_line_and_nothing_is_imported(connection: Connection) -> None:
    """All faults are reported in the order of lines, and nothing is imported."""
    data = (
        b"BEVOEGD GEZAG NUMMER;BRIN NUMMER;VESTIGINGSNUMMER;VESTIGINGSNAAM\n"
        b"41561;18DS;18DS00;Goed\n4156;18D;18DS01;\n\n41561;18DS;18DT02;Elders\n41561;18DS\n41562;18DS;18DS03;Ander\n"
    )
    with pytest.raises(InvalidInput) as refused:
        await import_schools(connection, data, AT)
    assert [(fault.field, fault.code) for fault in refused.value.errors] == [
        ("line 3, BEVOEGD GEZAG NUMMER", "invalid"),
        ("line 3, BRIN NUMMER", "invalid"),
        ("line 3, VESTIGINGSNAAM", "missing"),
        ("line 5, VESTIGINGSNUMMER", "other_school"),
        ("line 6, the whole row", "columns"),
        ("line 7, BEVOEGD GEZAG NUMMER", "duplicate"),
    ]
    assert await connection.fetchval("select count(*) from schools") == 0


async def test_a_file_without_the_columns_says_which_it_wants(connection: Connection) -> None:
    """A wrong file is recognised by its header."""
    with pytest.raises(InvalidInput) as refused:
        await import_systems(connection, b"name,codes\nx,y\n", AT)
    assert [fault.field for fault in refused.value.errors] == [
        "line 1, supplier_oin",
        "line 1, system_name",
        "line 1, service_codes",
    ]
    with pytest.raises(InvalidInput):
        await import_mandates(connection, b"", AT)


async def test_a_system_brings_its_destinations(c: Connection) -> None:
    """A system comes with a webhook and a copy destination; importing it again updates it."""
    names = [row["name"] for row in await c.fetch("select name from destinations where kind <> 'duo' order by name")]
    assert names == [f"las-copy:{ONE}", f"las-copy:{OTHER}", f"las:{ONE}", f"las:{OTHER}"]
    assert await import_systems(c, SYSTEMS, AT) == Imported(unchanged=2)
    assert await import_systems(c, SYSTEMS.replace(b"Ander", b"Nieuw"), AT) == Imported(changed=1, unchanged=1)
    assert (await register_system(c, OTHER, "Anders", ["VVA"]))[0] is not None
    with pytest.raises(InvalidInput) as refused:
        await register_system(c, "1", " ", ["GEEN"])
    assert [fault.field for fault in refused.value.errors] == ["/supplierOin", "/systemName", "/serviceCodes"]


async def test_all_rows_of_a_school_are_one_change(c: Connection) -> None:
    """All rows of a school are one change."""
    result = await mandates(
        c,
        f"18DS;VVA;{ONE};2026-08-01;;;",
        f"18DS;VVA;{OTHER};2026-08-01;;18DS01;{ROUTING}5",
        f"18DS;VVA;{OTHER};2026-08-01;;18DS02;",
    )
    assert result == Imported(created=2, events=2)
    assert await log(c, "18DS") == [
        (ONE, "granted", []),
        (OTHER, "granted", [("18DS01", "granted"), ("18DS02", "granted")]),
    ]
    routes = [tuple(row) for row in await c.fetch("select branch, routing_id from routes order by branch")]
    assert routes == [("18DS01", f"{ROUTING}5"), ("18DS02", f"{ROUTING}1")]


async def test_the_same_file_again_changes_nothing(c: Connection) -> None:
    """The same file again changes nothing and assigns no second routing characteristic."""
    rows = (f"18DS;VVA;{ONE};2026-08-01;2027-07-31;18DS01;", f"11OA;RIO;{ONE};2026-12-01;;;")
    assert await mandates(c, *rows) == Imported(created=2, events=2)
    assert await mandates(c, *rows) == Imported(unchanged=2)
    assert await mandates(c, f"{rows[0]}{ROUTING}9") == Imported(changed=1, events=1)
    assert (await log(c, "18DS"))[1:] == [(ONE, "amended", [("18DS01", "amended"), ("", "amended")])]


async def test_free_routing_never_collides_with_a_later_line(c: Connection) -> None:
    """Free routing characteristics never collide with those named in later lines."""
    await mandates(
        c,
        f"18DS;RIO;{ONE};2026-08-01;;18DS00;",
        f"18DS;VVA;{ONE};2026-08-01;;18DS00;{ROUTING}1",
        f"18DS;VVA;{ONE};2026-08-01;;18DS01;",
    )
    routes = [tuple(row) for row in await c.fetch("select branch, routing_id from routes order by branch, routing_id")]
    assert routes == [("18DS00", f"{ROUTING}1"), ("18DS00", f"{ROUTING}2"), ("18DS01", f"{ROUTING}3")]


async def test_routing_may_be_taken_over_by_what_follows(c: Connection) -> None:
    """A following mandate may take over routing from the day after the previous one ends."""
    first = f"18DS;VVA;{ONE};2026-08-01;2027-07-31;18DS01;{ROUTING}4"
    await mandates(c, first, f"18DS;VVA;{OTHER};2027-08-01;2027-12-31;18DS01;{ROUTING}4")
    await mandates(c, f"18DS;VVA;{ONE};2028-01-01;;18DS02;{ROUTING}4")
    assert await faults(c, f"18DS;VVA;{OTHER};2028-06-01;;18DS03;{ROUTING}4") == [("line 2, routing_id", "taken")]


async def test_dates_in_the_past_are_accepted_but_for_a_past_end(c: Connection) -> None:
    """Past start dates are accepted, past end dates are not."""
    await mandates(c, f"18DS;VVA;{ONE};2019-08-01;2026-11-23;;")
    assert await c.fetchval("select next_date from mandates") == date(2026, 11, 24)
    assert await faults(c, f"11OA;VVA;{ONE};2019-08-01;2026-11-22;;") == [("line 2, end_date", "in_the_past")]


async def test_every_bad_row_of_mandates_is_named(c: Connection) -> None:
    """Every bad row is reported, and no row is imported."""
    assert await faults(
        c,
        f"18DS;VVA;{ONE};2026-08-01;;;",
        f"99ZZ;GEEN;{OTHER[:-1]}9;2026-8-1;;;",
        "99ZZ;GEEN;00000099000000009000;2026-08-01;2026-07-01;;",
        f"18DS;RIO;{OTHER};2026-08-01;;;",
        f"11OA;VVA;{ONE};2026-08-01;;;{ROUTING}1",
        f"11OA;RIO;{ONE};2026-08-01;;11OA01;",
        f"18DS;RIO;{ONE};2026-08-01;;18DS00;{ROUTING}7",
        f"18DS;RIO;{ONE};2026-08-01;;18DS01;{ROUTING}7",
        f"18DS;RIO;{ONE};2026-08-01;;18DS00;{ROUTING}8",
        f"18DS;VVA;{ONE};2027-08-01;;;",
        f"18DS;VVA;{ONE}",
    ) == [
        ("line 3, start_date", "invalid"),
        ("line 4, brin", "unknown_school"),
        ("line 4, service_code", "unknown_service"),
        ("line 4, supplier_oin", "unknown_system"),
        ("line 4, end_date", "before_start"),
        ("line 5, supplier_oin", "service_not_offered"),
        ("line 6, branch", "missing"),
        ("line 7, branch", "unknown_branch"),
        ("line 9, routing_id", "taken"),
        ("line 10, branch", "duplicate"),
        ("line 11, start_date", "overlap"),
        ("line 12, the whole row", "columns"),
    ]
    assert await c.fetchval("select count(*) from mandates") == 0


async def test_a_file_meets_the_mandates_that_live(c: Connection) -> None:
    """Imported mandates may not overlap existing ones, take branches from their rest, and follow due dates."""
    await mandates(c, f"18DS;VVA;{ONE};2026-08-01;2026-11-30;;")
    assert await faults(c, f"18DS;VVA;{ONE};2026-11-30;;;") == [("line 2, start_date", "overlap")]
    later = moment(datetime(2026, 12, 1, 9, tzinfo=UTC))
    await mandates(c, f"18DS;VVA;{ONE};2026-12-01;;;", at=later)
    await mandates(c, f"18DS;VVA;{OTHER};2026-12-01;;18DS03;", at=later)
    assert await log(c, "18DS") == [
        (ONE, "granted", [("", "granted")]),
        (ONE, "expired", [("", "expired")]),
        (ONE, "granted", [("", "granted")]),
        (OTHER, "granted", [("18DS03", "granted")]),
        (ONE, "amended", [("", "amended")]),
    ]


async def test_a_national_file_is_one_transaction_of_seconds(connection: Connection) -> None:
    """A national file is imported in one transaction within seconds, with events numbered and queued in order."""
    brins = [numbered_brin(n) for n in range(6000)]
    listed = school_csv((f"{40000 + n % 800}", f"{brin}00", f"School {n}") for n, brin in enumerate(brins))
    seen: list[tuple[int, int]] = []
    async with connection.transaction():
        assert (await import_schools(connection, listed, AT)).created == 6000
        await import_systems(connection, SYSTEMS, AT)
        rows = [f"{brin};{service};{ONE};2026-08-01;;;" for service in ("VVA", "RIO") for brin in brins]
        data = (HEADER + "\n".join(rows[:10_000])).encode()
        result = await import_mandates(connection, data, AT, lambda done, total: seen.append((done, total)))
    assert result == Imported(created=10_000, events=10_000)
    assert (seen[0], seen[-1]) == ((0, 10_000), (10_000, 10_000))
    assert seen == sorted(seen)
    assert await connection.fetchval("select bool_and(counter = n) from schools join lateral (select count(*) n"
                                     " from events e where e.brin = schools.brin) e on true")  # fmt: skip
    assert await connection.fetchval("select count(*) from event_outbox") == 10_000


async def test_an_imported_mandate_can_be_changed_like_any_other(c: Connection) -> None:
    """An imported mandate can be amended and withdrawn."""
    await mandates(c, f"18DS;VVA;{ONE};2026-08-01;;;")
    mandate_id = await c.fetchval("select id from mandates")
    assert (await register.withdraw(c, mandate_id, AT)).mandate.version == 2
    wish = GrantRequest(brin=Brin("18DS"), service_code=ServiceCode("VVA"), supplier_oin=Oin(ONE), start_date=AT.today)
    assert (await register.grant(c, wish, AT)).mandate.version == 1
