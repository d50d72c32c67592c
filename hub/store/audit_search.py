"""What operators look for in the audit. In: a school, an action, days. Out: entries, within bounds however old it is.

The audit has no index on its actions: it is looked through from the newest entry on, or from a day on, in parts. Each
part is planned for its filters: a plan for any filters would begin at the newest entry, and read all other schools.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.store.operations import audit_records
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.store.operations import AuditRecord
    from hub.store.pool import Connection

AUDIT_CHUNK: Final = 20_000
"""How many entries a page looks through."""
AUDIT_SLACK: Final = timedelta(days=1)
"""How much later an entry may be written than what it tells of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    """Which entries are looked for, before a number."""

    brin: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    actions: Sequence[str] | None = None
    file: str | None = None
    """The digest of an imported file."""
    is_folded: bool = False
    """Whether an import is one entry, without an entry for each school in it."""
    before: int | None = None


async def search_audit(c: Connection, wanted: AuditSearch, most: int) -> tuple[list[AuditRecord], int | None]:
    """Return entries among the next 20,000, newest first, and the number before which the search goes on.

    A search until a day begins where the entries of the day after it end.
    """
    async with c.transaction():
        await queries.force_custom_plan(c)
        return await _search(c, wanted, most)


async def _search(c: Connection, wanted: AuditSearch, most: int) -> tuple[list[AuditRecord], int | None]:
    before = wanted.before
    if before is None and wanted.until is not None:
        before = await queries.find_audit_at(c, moment=wanted.until + AUDIT_SLACK)
    rows = await queries.list_audit_part(
        c,
        brin=wanted.brin,
        since=wanted.since,
        until=wanted.until,
        actions=None if wanted.actions is None else [*wanted.actions],
        file=wanted.file,
        is_folded=wanted.is_folded,
        before=before,
        chunk=AUDIT_CHUNK,
        most=most + 1,
    )
    found = audit_records(rows)
    if len(found) > most:
        return found[:most], found[most - 1].id
    last = await queries.find_audit_before(c, before=before, brin=wanted.brin, chunk=AUDIT_CHUNK)
    is_over = last is None or (wanted.since is not None and last["at"] < wanted.since - AUDIT_SLACK)
    return found, None if is_over else last["id"]


async def list_audit(c: Connection, wanted: AuditSearch, most: int) -> list[AuditRecord]:
    """Return all entries that fit, up to `most`, newest first, in as many parts as that takes.

    Between two days these are the parts of those days and of the day after and before.
    """
    found: list[AuditRecord] = []
    before = wanted.before
    while len(found) < most:
        part, before = await search_audit(c, replace(wanted, before=before), most - len(found))
        found += part
        if before is None:
            break
    return found
