"""Audit entries of files. In: what a file changed. Out: an entry per school, and one of the file by its digest."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from hub.domain.kinds import Kind
from hub.register.audit import date_entries, mandate_changes, mandate_identity
from hub.store import audit
from hub.store.audit import AuditEntry, changed_fields
from hub.store.people import SystemActor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from hub.domain.change import NewEvent
    from hub.domain.difference import DifferenceEntry
    from hub.domain.listing import SchoolSnapshot
    from hub.domain.mandate import Mandate
    from hub.imports.result import Imported
    from hub.store.pool import Connection


def digest(data: bytes) -> str:
    """Return the digest that identifies a file."""
    return sha256(data).hexdigest()


async def write_file_entry(c: Connection, kind: str, data: bytes, done: Imported, at: datetime) -> None:
    """Write the entry of a file, after those of what it changed."""
    counts = {"created": done.created, "changed": done.changed, "unchanged": done.unchanged, "events": done.events}
    subject = {"kind": kind, "sha256": digest(data), "bytes": len(data)}
    await audit.write(
        c, AuditEntry(at=at, actor=SystemActor.COMMAND_LINE, action="file.imported", subject=subject, after=counts)
    )


def mandate_entries(changed: Iterable[tuple[Mandate | None, Mandate]], file: str, at: datetime) -> Iterable[AuditEntry]:
    """Make one entry per school with its mandates before and after."""
    schools: dict[str, list[Mapping[str, Any]]] = {}
    for before, after in changed:
        schools.setdefault(after.brin, []).append(mandate_identity(after) | mandate_changes(before, after))
    for brin, mandates in schools.items():
        yield AuditEntry(
            at=at,
            actor=SystemActor.COMMAND_LINE,
            action="mandates.imported",
            brin=brin,
            subject={"sha256": file},
            after={"mandates": mandates},
        )


def school_entries(before: SchoolSnapshot, after: SchoolSnapshot, file: str, at: datetime) -> Iterator[AuditEntry]:
    """Make one entry per school with it and its branches before and after; `listed_in` is no part of it."""
    codes = [code for code, row in after.schools.items() if before.schools.get(code) != row]
    branches = [code for code, row in after.branches.items() if before.branches.get(code) != row]
    touched: dict[str, list[str]] = {code: [] for code in codes}
    for branch in branches:
        touched.setdefault(branch[:4], []).append(branch)
    for brin, of in sorted(touched.items()):
        was, is_now = changed_fields(_school(before, brin, of), _school(after, brin, of))
        if is_now:
            yield AuditEntry(
                at=at,
                actor=SystemActor.COMMAND_LINE,
                action="school.imported",
                brin=brin,
                subject={"sha256": file},
                before=was if brin in before.schools else None,
                after=is_now,
            )


def consequence_entries(new_events: Sequence[NewEvent], at: datetime) -> Iterator[AuditEntry]:
    """Make entries of the dates that came first, and of the mandates that end because their school closes."""
    yield from date_entries(new_events, at)
    for event in new_events:
        if event.kind is Kind.WITHDRAWN:
            yield AuditEntry(
                at=at,
                actor=SystemActor.COMMAND_LINE,
                action="mandate.withdrawn",
                brin=event.mandate.brin,
                subject=mandate_identity(event.mandate),
                before={"withdrawnAt": None},
                after={"withdrawnAt": event.mandate.withdrawn_at},
                reason="its school closes",
            )


def board_entries(renamed: Iterable[DifferenceEntry], file: str, at: datetime) -> Iterator[AuditEntry]:
    """Make one entry per board with its old and new name."""
    for entry in renamed:
        subject = {"bgeCode": entry.code, "sha256": file}
        was, is_now = {"name": entry.before}, {"name": entry.after}
        yield AuditEntry(
            at=at, actor=SystemActor.COMMAND_LINE, action="board.renamed", subject=subject, before=was, after=is_now
        )


def _school(snapshot: SchoolSnapshot, brin: str, branches: Iterable[str]) -> dict[str, Any]:
    school = snapshot.schools.get(brin)
    facts: dict[str, Any] = {}
    if school is not None:
        facts = {"name": school.name, "bgeCode": school.bge_code, "closedOn": school.closed_on}
    for code in branches:
        branch = snapshot.branches.get(code)
        facts[code] = None if branch is None else {"name": branch.name, "closedOn": branch.closed_on}
    return facts
