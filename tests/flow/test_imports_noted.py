"""Imports in the audit: one entry per school, and one for the file by its digest."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING, Any

import orjson

from hub.clock import now
from hub.imports import import_mandates, import_schools, import_systems
from hub.observe.books import check_ledger
from tests.support.register.school_files import NEXT, SYSTEMS, settle_in, take, without
from tests.support.register.schools import numbered_brin, school_csv
from tests.support.register.small_register import ONE, at

if TYPE_CHECKING:
    from hub.store.pool import Connection

HEADER = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"
R1 = "0000000700018DS00001"


async def notes(c: Connection, chain: str) -> list[tuple[str, Any, Any, Any]]:
    """Read a chain: action, subject, before, after."""
    rows = await c.fetch(
        "select action, subject::text, before::text, after::text from audit where chain = $1 order by id", chain
    )
    return [(row[0], *(None if text is None else orjson.loads(text) for text in list(row)[1:])) for row in rows]


async def test_a_file_of_schools_is_noted_per_school(connection: Connection) -> None:
    """A file of schools gives an entry per school with its state before and after, and one for the file."""
    await settle_in(connection)
    first = await notes(connection, "18DS")
    assert [(action, before) for action, _, before, _ in first] == [("school.imported", None)]
    assert first[0][3]["bgeCode"] == "41561"
    assert first[0][3]["18DS01"] == {"name": "b", "closedOn": None}
    async with connection.transaction():
        await import_mandates(connection, (HEADER + f"18DS;VVA;{ONE};2026-08-01;;;").encode(), at())
    file = without("18DS")
    await take(connection, file, NEXT, accepted=1)
    digest = sha256(file).hexdigest()
    imported, mandate = (await notes(connection, "18DS"))[-2:]
    assert imported[:2] == ("school.imported", {"sha256": digest})
    assert (imported[2]["closedOn"], imported[3]["closedOn"]) == (None, "2026-12-01")
    assert (mandate[0], mandate[2]) == ("mandate.withdrawn", {"withdrawnAt": None})
    kind, subject, _, counts = (await notes(connection, ""))[-1]
    assert (kind, subject["kind"], subject["sha256"], counts["changed"]) == ("file.imported", "schools", digest, 1)
    before = await connection.fetchval("select count(*) from audit where brin is not null")
    await take(connection, file, NEXT, accepted=1)
    assert await connection.fetchval("select count(*) from audit where brin is not null") == before
    assert (await check_ledger(connection, now())).ok


async def test_a_file_of_mandates_is_noted_per_school(connection: Connection) -> None:
    """A file of mandates gives one entry per school; the same file again gives one for the file only."""
    await settle_in(connection)
    for unit in (";", f"18DS01;{R1}", f"18DS01;{R1}"):
        data = (HEADER + f"18DS;VVA;{ONE};2026-08-01;;{unit}\n18DS;RIO;{ONE};2026-08-01;2027-07-31;;\n").encode()
        async with connection.transaction():
            await import_mandates(connection, data, at())
    found = (await notes(connection, "18DS"))[1:]
    assert [note[0] for note in found] == ["mandates.imported"] * 2
    granted, routed = ([(m["serviceCode"], m["before"], m["after"]) for m in note[3]["mandates"]] for note in found)
    assert granted == [
        ("VVA", None, {"startDate": "2026-08-01"}),
        ("RIO", None, {"startDate": "2026-08-01", "endDate": "2027-07-31"}),
    ]
    assert routed == [("VVA", {"routing": {}}, {"routing": {"18DS01": R1}})]
    assert len([note for note in await notes(connection, "") if note[1].get("kind") == "mandates"]) == 3
    assert (await check_ledger(connection, now())).ok


async def test_systems_are_noted_when_they_differ(connection: Connection) -> None:
    """A changed system gives an entry with before and after; an unchanged one gives none."""
    await settle_in(connection)
    for data in (SYSTEMS.replace(b"Ander", b"Nieuw"),) * 2:
        async with connection.transaction():
            await import_systems(connection, data, at())
    found = [note for note in await notes(connection, "") if note[0] == "system.changed"]
    assert [(before, after) for _, _, before, after in found] == [({"systemName": "Ander"}, {"systemName": "Nieuw"})]


async def test_noting_a_national_file_costs_little(connection: Connection) -> None:
    """The audit of a national file takes far less time than its import."""
    brins = [numbered_brin(n) for n in range(6000)]
    listed = school_csv((f"{40000 + n % 800}", f"{brin}00", f"School {n}") for n, brin in enumerate(brins))
    systems = "".join(f"000000990000000{n:02d}000;System {n};VVA,RIO\n" for n in range(4))
    rows = [
        f"{brin};{service};000000990000000{n:02d}000;{date(2026, 8, 1)};;;"
        for n in range(4)
        for service in ("VVA", "RIO")
        for brin in brins
    ]
    data = (HEADER + "\n".join(rows[:45_000])).encode()
    async with connection.transaction():
        await import_schools(connection, listed, at())
        await import_systems(connection, f"supplier_oin;system_name;service_codes\n{systems}".encode(), at())
        began = perf_counter()
        await import_mandates(connection, data, at())
    seconds = perf_counter() - began
    length = await connection.fetchval("select sum(length(after::text)) from audit where action = 'mandates.imported'")
    assert await connection.fetchval("select count(*) from audit where action = 'mandates.imported'") == 6000
    began = perf_counter()
    assert (await check_ledger(connection, now())).violations == []
    checking = perf_counter() - began
    print(f"45,000 mandates imported with {length / 1e6:.1f} MB of notes in {seconds:.1f} s; books in {checking:.1f} s")
