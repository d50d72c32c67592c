"""Systems: which supplier's system may be mandated for which services. In: a file, a request. Out: rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.errors import FieldError, InvalidInput
from hub.imports.result import Faults, Imported
from hub.imports.table import Column, read_table
from hub.store import register
from hub.store.register import System
from schemas.identifiers import OIN, Oin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from hub.store.pool import Connection

COLUMNS: Final = (Column("supplier_oin"), Column("system_name"), Column("service_codes"))
LONGEST_NAME: Final = 200


async def import_systems(c: Connection, data: bytes) -> Imported:
    """Register the systems of a file, or what they are called and offer by now; others stay as they are."""
    faults = Faults()
    rows = read_table(data, COLUMNS, faults)
    known = await register.references(c)
    found: dict[Oin, System] = {}
    for line, (oin, name, codes) in rows:
        system = _system(oin, name, [code.strip() for code in codes.split(",") if code.strip()])
        for column, code, detail in _check(system, known.services):
            faults.add(line, column, code, detail)
        if system.supplier_oin in found and found[system.supplier_oin] != system:
            faults.add(line, "supplier_oin", "duplicate", f"an earlier line says something else of {oin}")
        found[system.supplier_oin] = system
    faults.refuse()
    changed = [system for system in found.values() if known.systems.get(system.supplier_oin) != system]
    await register.write_systems(c, changed)
    created = sum(1 for system in changed if system.supplier_oin not in known.systems)
    return Imported(created=created, changed=len(changed) - created, unchanged=len(found) - len(changed))


async def register_system(c: Connection, oin: str, name: str, service_codes: Collection[str]) -> tuple[System, bool]:
    """Register one system, or what it is called and offers by now; say whether it is new."""
    known = await register.references(c)
    system = _system(oin, name, service_codes)
    pointers = {"supplier_oin": "/supplierOin", "system_name": "/systemName", "service_codes": "/serviceCodes"}
    wrong = [
        FieldError(field=pointers[column], code=code, detail=detail)
        for column, code, detail in _check(system, known.services)
    ]
    if wrong:
        raise InvalidInput(wrong)
    await register.write_systems(c, [system])
    return system, system.supplier_oin not in known.systems


def _system(oin: str, name: str, service_codes: Collection[str]) -> System:
    return System(supplier_oin=Oin(oin), name=name.strip(), service_codes=frozenset(service_codes))


def _check(system: System, services: Collection[str]) -> Iterator[tuple[str, str, str]]:
    if OIN.pattern.fullmatch(system.supplier_oin) is None:
        yield "supplier_oin", "invalid", f"{system.supplier_oin!r} is no OIN: expected {OIN.expected}"
    if not 0 < len(system.name) <= LONGEST_NAME:
        yield "system_name", "invalid", f"a name has 1 to {LONGEST_NAME} characters"
    if not system.service_codes:
        yield "service_codes", "invalid", "a system offers at least one service"
    for code in sorted(system.service_codes - set(services)):
        yield "service_codes", "unknown_service", f"service {code} is not in the register"
