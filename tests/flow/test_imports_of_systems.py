"""Files with the column `system_code`: systems of one supplier, and mandates for one of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hub import plan
from hub.errors import InvalidInput
from hub.imports import import_mandates, import_schools, import_systems
from hub.register import moment
from hub.store import register
from hub.store.register import write_systems
from schemas.identifiers import SystemCode

if TYPE_CHECKING:
    from hub.domain.system import System
    from hub.imports import Imported
    from hub.store.pool import Connection

AT = moment(datetime(2026, 11, 23, 9, tzinfo=UTC))
SCHOOLS: Final = (Path(__file__).parent.parent / "data" / "vestigingen-po.csv").read_bytes()
ONE, OTHER = "00000099000000001000", "00000099000000002000"
SECOND: Final = "een-speciaal"
SYSTEMS: Final = f"""supplier_oin;system_code;system_name;service_codes
{ONE};;Een;RIO,VVA
{ONE};{SECOND};Een speciaal;VVA
{OTHER};{OTHER};Ander;VVA
"""
HEADER: Final = "brin;service_code;supplier_oin;system_code;start_date;end_date;branch;routing_id"
START: Final = "2026-11-23"


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a register with the sample's schools, and a supplier of two systems."""
    await import_schools(connection, SCHOOLS, AT)
    await import_systems(connection, SYSTEMS.encode(), AT)
    return connection


async def mandates(c: Connection, *rows: str, header: str = HEADER) -> Imported:
    """Import rows of mandates in a transaction of their own."""
    async with c.transaction():
        return await import_mandates(c, "\n".join((header, *rows)).encode(), AT)


async def faults(c: Connection, *rows: str) -> list[tuple[str, str]]:
    """Import rows that are wrong, and show what is said of them."""
    with pytest.raises(InvalidInput) as refused:
        await mandates(c, *rows)
    return [(fault.field, fault.code) for fault in refused.value.errors]


async def test_a_file_has_several_systems_of_a_supplier(c: Connection) -> None:
    """Without a code it is the supplier's OIN; each has its two destinations; the same file again changes nothing."""
    found = await register.systems(c)
    assert {code: system.name for code, system in found.items()} == {ONE: "Een", OTHER: "Ander", SECOND: "Een speciaal"}
    names = await c.fetch("select name from destinations where supplier_oin = $1 order by name", ONE)
    assert [row["name"] for row in names] == [
        f"las-copy:{ONE}", f"las-copy:{SECOND}", f"las:{ONE}", f"las:{SECOND}",
    ]  # fmt: skip
    again = await import_systems(c, SYSTEMS.encode(), AT)
    assert (again.created, again.changed, again.unchanged) == (0, 0, 3)


async def test_a_files_codes_are_checked_and_its_contacts_kept(c: Connection) -> None:
    """A code of another supplier, one that is no code, another supplier's OIN, twice; a contact is not in the file."""
    header = "supplier_oin;system_code;system_name;service_codes\n"
    rows = f"{OTHER};{SECOND};X;VVA\n{OTHER};-;X;VVA\n{OTHER};{ONE};X;VVA\n{OTHER};n-1;X;VVA\n{OTHER};n-1;Y;VVA\n"
    with pytest.raises(InvalidInput) as refused:
        await import_systems(c, (header + rows).encode(), AT)
    assert [(fault.field, fault.code) for fault in refused.value.errors] == [
        ("line 2, system_code", "other_supplier"),
        ("line 3, system_code", "invalid"),
        ("line 4, system_code", "invalid"),
        ("line 6, system_code", "duplicate"),
    ]
    await c.execute("update systems set contact_email = 'help@een.example' where system_code = $1", SECOND)
    await import_systems(c, f"{header}{ONE};{SECOND};Anders;VVA\n".encode(), AT)
    changed: System = (await register.systems(c))[SystemCode(SECOND)]
    assert (changed.name, changed.contact.email) == ("Anders", "help@een.example")
    await write_systems(c, [changed])


async def test_a_mandate_of_a_file_is_for_a_system(c: Connection) -> None:
    """By its code, with its supplier or without; by supplier where it has one; the file again changes nothing."""
    rows = (
        f"18DS;VVA;{ONE};{SECOND};{START};;18DS00;", f"11OA;VVA;;{SECOND};{START};;;",
        f"11OA;VVA;{ONE};{ONE};{START};;;", f"18DS;RIO;{ONE};;{START};;;", f"18DS;VVA;{OTHER};;{START};;;",
    )  # fmt: skip
    done = await mandates(c, *rows)
    assert (done.created, done.changed) == (5, 0)
    found = await c.fetch("select brin, service_code, supplier_oin, system_code from mandates order by 1, 2, 4")
    assert [tuple(row) for row in found] == [
        ("11OA", "VVA", ONE, ONE), ("11OA", "VVA", ONE, SECOND), ("18DS", "RIO", ONE, ONE),
        ("18DS", "VVA", OTHER, OTHER), ("18DS", "VVA", ONE, SECOND),
    ]  # fmt: skip
    told = await c.fetch("select units::text as units, body from events where brin = '11OA' order by number")
    assert [row["units"] for row in told] == ["[]", "[]"]  # two systems of one supplier claim the same rest
    assert (await mandates(c, *rows)).unchanged == 5
    async with c.transaction():
        planned = (await plan.plan(c, {"18DS": None, "11OA": None}, AT.now, 0)).planned
    assert {p.destination.name for p in planned} == {f"las:{SECOND}", "duo:rio"}


async def test_a_mandate_of_a_file_that_names_no_system_is_refused(c: Connection) -> None:
    """Each line says what is wrong with its system."""
    rows = (
        f"18DS;VVA;{ONE};;{START};;;", f"18DS;VVA;{OTHER};{SECOND};{START};;;", f"18DS;VVA;;geen;{START};;;",
        f"18DS;RIO;{ONE};{SECOND};{START};;;", f"18DS;VVA;;;{START};;;",
        f"14EJ;VVA;{ONE};{SECOND};{START};;;", f"14EJ;VVA;;{SECOND};2027-01-01;;;",
    )  # fmt: skip
    assert await faults(c, *rows) == [
        ("line 2, system_code", "which_system"),
        ("line 3, system_code", "other_supplier"),
        ("line 4, system_code", "unknown_system"),
        ("line 5, system_code", "service_not_offered"),
        ("line 6, supplier_oin", "unknown_system"),
        ("line 8, start_date", "overlap"),
    ]
