"""Register systems: which supplier's system may be mandated for which services. In: a file, a request. Out: rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub.errors import FieldError, InvalidInput
from hub.imports.audit import write_file_entry
from hub.imports.result import Imported, Progress, RowErrors, no_progress
from hub.imports.table import Column, is_visible, read_table, unsafe_characters
from hub.store import audit, register
from hub.store.audit import AuditEntry, changed_fields
from hub.store.people import SystemActor
from hub.store.register import System
from schemas.identifiers import OIN, Oin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from hub.register.write import Moment
    from hub.store.pool import Connection

COLUMNS: Final = (Column("supplier_oin"), Column("system_name"), Column("service_codes"))
MAX_NAME_LENGTH: Final = 200


async def import_systems(c: Connection, data: bytes, at: Moment, progress: Progress = no_progress) -> Imported:
    """Register or update the systems of a file; others stay as they are."""
    errors = RowErrors()
    rows = read_table(data, COLUMNS, errors).rows
    known = await register.references(c)
    found: dict[Oin, System] = {}
    for line, (oin, name, codes) in rows:
        system = _system(oin, name, [code.strip() for code in codes.split(",") if code.strip()])
        for column, code, detail in _check(system, known.services):
            errors.add(line, column, code, detail)
        if system.supplier_oin in found and found[system.supplier_oin] != system:
            errors.add(line, "supplier_oin", "duplicate", f"an earlier line says something else of {oin}")
        found[system.supplier_oin] = system
    errors.refuse()
    changed = [system for system in found.values() if known.systems.get(system.supplier_oin) != system]
    await register.write_systems(c, changed)
    created = sum(1 for system in changed if system.supplier_oin not in known.systems)
    done = Imported(created=created, changed=len(changed) - created, unchanged=len(found) - len(changed))
    befores = (known.systems.get(system.supplier_oin) for system in changed)
    entries = [
        system_entry(was, system, at.now, SystemActor.COMMAND_LINE)
        for was, system in zip(befores, changed, strict=True)
    ]
    await audit.write_all(c, entries)
    await write_file_entry(c, "systems", data, done, at.now)
    progress(len(rows), len(rows))
    return done


async def register_system(
    c: Connection, oin: str, name: str, service_codes: Collection[str]
) -> tuple[System | None, System]:
    """Register or update one system; return it as it was (None: new) and as it is."""
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
    return known.systems.get(system.supplier_oin), system


def system_entry(before: System | None, after: System, at: datetime, actor: str) -> AuditEntry:
    """Make the entry of a system that was registered or changed."""
    was, is_now = changed_fields(None if before is None else _facts(before), _facts(after))
    action = "system.registered" if before is None else "system.changed"
    subject = {"supplierOin": after.supplier_oin}
    return AuditEntry(at=at, actor=actor, action=action, subject=subject, before=was, after=is_now)


def _facts(system: System) -> dict[str, Any]:
    return {"systemName": system.name, "serviceCodes": sorted(system.service_codes)}


def _system(oin: str, name: str, service_codes: Collection[str]) -> System:
    return System(supplier_oin=Oin(oin), name=name.strip(), service_codes=frozenset(service_codes))


def _check(system: System, services: Collection[str]) -> Iterator[tuple[str, str, str]]:
    if OIN.pattern.fullmatch(system.supplier_oin) is None:
        yield "supplier_oin", "invalid", f"{system.supplier_oin!r} is no OIN: expected {OIN.expected}"
    if not is_visible(system.name) or len(system.name) > MAX_NAME_LENGTH:
        yield "system_name", "invalid", f"a name has 1 to {MAX_NAME_LENGTH} characters that can be seen"
    elif unsafe := unsafe_characters(system.name):
        yield "system_name", "control_character", f"there is {unsafe} in the name, which cannot be shown"
    if not system.service_codes:
        yield "service_codes", "invalid", "a system offers at least one service"
    for code in sorted(system.service_codes - set(services)):
        yield "service_codes", "unknown_service", f"service {code} is not in the register"
