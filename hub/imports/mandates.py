"""Import mandates. In: the rows of a file. Out: mandates, and one `granted` event for each new one.

All rows of a school are one change: units are computed from the result. A mandate that lives already, with the same
dates, is left as it is; routing that its rows add is assigned. Large files are written in portions, in one transaction.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from hub.imports.audit import digest, mandate_entries, write_file_entry
from hub.imports.checks import DraftChecks
from hub.imports.drafts import COLUMNS, read_drafts
from hub.imports.merge import Merge
from hub.imports.result import Imported, Progress, RowErrors, no_progress
from hub.imports.table import read_table
from hub.register.audit import date_entries
from hub.register.write import Routing, WriteContext, to_rows
from hub.store import audit, portions, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.domain.change import NewEvent
    from hub.register.write import Moment
    from hub.store.pool import Connection
    from hub.store.register import RegisterRows

MADE_AT_ONCE: Final = 50
PORTION: Final = 2000


async def import_mandates(c: Connection, data: bytes, at: Moment, progress: Progress = no_progress) -> Imported:
    """Grant the mandates of a file; raises `InvalidInput` with every bad row, and then nothing has changed."""
    errors = RowErrors()
    drafts = read_drafts(read_table(data, COLUMNS, errors).rows, errors)
    progress(0, len(drafts))
    schools = await register.lock_schools(c, {draft.request.brin for draft in drafts})
    living = await register.living_mandates(c, schools, at.today)
    references = await register.references(c)
    checks = DraftChecks(schools, references, living, at.today)
    merge = Merge(schools, living, at)
    for draft in drafts:
        merge.add(draft, checks.check(draft, errors))
    errors.refuse()
    await _write(c, merge, WriteContext(schools=schools, names=references.names, at=at), progress)
    unchanged = len(drafts) - merge.created - merge.changed
    done = Imported(created=merge.created, changed=merge.changed, unchanged=unchanged, events=merge.events)
    await audit.write_all(
        c, [*date_entries(merge.arrived, at.now), *mandate_entries(merge.changes, digest(data), at.now)]
    )
    await write_file_entry(c, "mandates", data, done, at.now)
    return done


async def _write(c: Connection, merge: Merge, context: WriteContext, progress: Progress) -> None:
    """Write portion by portion: the database takes one in while the next one is made."""
    batches = merge.batches(MADE_AT_ONCE)
    portion = await _make(batches, context)
    while portion is not None:
        writing = asyncio.create_task(portions.write_portion(c, portion))
        try:
            portion = await _make(batches, context)
        finally:
            await writing
        progress(merge.done, merge.total)
    if merge.routing.assigned:
        await register.write(c, to_rows(context, [], merge.routing))
    progress(merge.total, merge.total)


async def _make(batches: Iterator[list[NewEvent]], context: WriteContext) -> RegisterRows | None:
    """Make the rows of the next portion, with pauses in which the one before it is sent; None at the end."""
    rows = None
    for batch in batches:
        made = to_rows(context, batch, Routing())
        if rows is None:
            rows = made
        else:
            rows.add(made)
        if len(rows.events) >= PORTION:
            break
        await asyncio.sleep(0)
    return rows
