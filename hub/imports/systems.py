"""Register systems: which systems of suppliers may be mandated for which services. In: a file, a request. Out: rows."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from hub.domain.system import NO_CONTACT, Contact, System
from hub.errors import FieldError, InvalidInput
from hub.imports.audit import write_file_entry
from hub.imports.result import Imported, Progress, RowErrors, no_progress
from hub.imports.table import Column, is_visible, read_table, unsafe_characters
from hub.store import audit, register
from hub.store.audit import AuditEntry, changed_fields
from hub.store.people import SystemActor
from schemas.identifiers import OIN, SYSTEM_CODE, Oin, SystemCode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from hub.domain.system import References
    from hub.imports.table import Row
    from hub.register.write import Moment
    from hub.store.pool import Connection

COLUMNS: Final = (
    Column("supplier_oin"),
    Column("system_code", is_required=False),
    Column("system_name"),
    Column("service_codes"),
)
MAX_NAME_LENGTH: Final = 200
_POINTERS: Final = {
    "supplier_oin": "/supplierOin",
    "system_code": "/systemCode",
    "system_name": "/systemName",
    "service_codes": "/serviceCodes",
}


async def import_systems(c: Connection, data: bytes, at: Moment, progress: Progress = no_progress) -> Imported:
    """Register or update the systems of a file; others stay as they are."""
    errors = RowErrors()
    rows = read_table(data, COLUMNS, errors).rows
    known = await register.references(c)
    found = _read_systems(rows, known, errors)
    errors.refuse()
    changed = [system for system in found.values() if known.systems.get(system.code) != system]
    await register.write_systems(c, changed)
    created = sum(1 for system in changed if system.code not in known.systems)
    done = Imported(created=created, changed=len(changed) - created, unchanged=len(found) - len(changed))
    befores = (known.systems.get(system.code) for system in changed)
    entries = [
        system_entry(was, system, at.now, SystemActor.COMMAND_LINE)
        for was, system in zip(befores, changed, strict=True)
    ]
    await audit.write_all(c, entries)
    await write_file_entry(c, "systems", data, done, at.now)
    progress(len(rows), len(rows))
    return done


def _read_systems(rows: Sequence[Row], known: References, errors: RowErrors) -> dict[SystemCode, System]:
    found: dict[SystemCode, System] = {}
    for line, (oin, own_code, name, codes) in rows:
        system = _system(oin, own_code, name, [code.strip() for code in codes.split(",") if code.strip()])
        before = known.systems.get(system.code)
        system = system if before is None else replace(system, contact=before.contact)
        for column, code, detail in _check(system, known):
            errors.add(line, column, code, detail)
        if system.code in found and found[system.code] != system:
            column = "system_code" if own_code else "supplier_oin"
            errors.add(line, column, "duplicate", f"an earlier line says something else of {system.code}")
        found[system.code] = system
    return found


async def register_system(
    c: Connection,
    oin: str,
    name: str,
    service_codes: Collection[str],
    *,
    system_code: str | None = None,
    contact: Contact | None = None,
) -> tuple[System | None, System]:
    """Register or update one system; return it as it was (None: new) and as it is.

    Without a code it has its supplier's OIN as its code; without a contact it keeps the one that it has.
    """
    known = await register.references(c)
    system = _system(oin, system_code, name, service_codes)
    before = known.systems.get(system.code)
    system = replace(system, contact=contact or (before.contact if before else NO_CONTACT))
    wrong = [
        FieldError(field=_POINTERS[column], code=code, detail=detail) for column, code, detail in _check(system, known)
    ]
    if wrong:
        raise InvalidInput(wrong)
    await register.write_systems(c, [system])
    return before, system


def system_entry(before: System | None, after: System, at: datetime, actor: str) -> AuditEntry:
    """Make the entry of a system that was registered or changed."""
    was, is_now = changed_fields(None if before is None else _facts(before), _facts(after))
    action = "system.registered" if before is None else "system.changed"
    subject = {"supplierOin": after.supplier_oin, "systemCode": after.code}
    return AuditEntry(at=at, actor=actor, action=action, subject=subject, before=was, after=is_now)


def _facts(system: System) -> dict[str, Any]:
    contact = {name: value for name, value in asdict(system.contact).items() if value is not None}
    return {
        "systemName": system.name,
        "serviceCodes": sorted(system.service_codes),
        **({"contact": contact} if contact else {}),
    }


def _system(oin: str, code: str | None, name: str, service_codes: Collection[str]) -> System:
    return System(
        supplier_oin=Oin(oin),
        code=SystemCode(code or oin),
        name=name.strip(),
        service_codes=frozenset(service_codes),
    )


def _check(system: System, known: References) -> Iterator[tuple[str, str, str]]:
    if OIN.pattern.fullmatch(system.supplier_oin) is None:
        yield "supplier_oin", "invalid", f"{system.supplier_oin!r} is no OIN: expected {OIN.expected}"
    if not is_visible(system.name) or len(system.name) > MAX_NAME_LENGTH:
        yield "system_name", "invalid", f"a name has 1 to {MAX_NAME_LENGTH} characters that can be seen"
    elif unsafe := unsafe_characters(system.name):
        yield "system_name", "control_character", f"there is {unsafe} in the name, which cannot be shown"
    if not system.service_codes:
        yield "service_codes", "invalid", "a system offers at least one service"
    yield from _check_code(system, known.systems.get(system.code))
    for code in sorted(system.service_codes - known.services.keys()):
        yield "service_codes", "unknown_service", f"service {code} is not in the register"


def _check_code(system: System, before: System | None) -> Iterator[tuple[str, str, str]]:
    """Check a code that is not its supplier's OIN: its form, and whether it is another supplier's."""
    code, oin = str(system.code), str(system.supplier_oin)
    if code != oin and SYSTEM_CODE.pattern.fullmatch(code) is None:
        yield "system_code", "invalid", f"{code!r} is no system code: expected {SYSTEM_CODE.expected}"
    elif code != oin and OIN.pattern.fullmatch(code) is not None:
        yield "system_code", "invalid", f"{code} is an OIN; only a system of that supplier can have it as its code"
    elif before is not None and before.supplier_oin != oin:
        yield "system_code", "other_supplier", f"{code} is a system of supplier {before.supplier_oin}"
