"""Import mandates. In: the rows of a file. Out: mandates, and one `granted` event for each new one.

All rows of a school are one change: units are computed from the result. A mandate that lives already, with the same
dates, is left as it is; routing that its rows add is assigned. Large files are written in batches, in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.imports.audit import digest, mandate_entries, write_file_entry
from hub.imports.checks import DraftChecks
from hub.imports.drafts import COLUMNS, read_drafts
from hub.imports.merge import Merge
from hub.imports.result import Imported, Progress, RowErrors, no_progress
from hub.imports.table import read_table
from hub.register.audit import date_entries
from hub.register.write import Routing, WriteContext, to_rows
from hub.store import audit, register

if TYPE_CHECKING:
    from hub.register.write import Moment
    from hub.store.pool import Connection

BATCH: Final = 4000


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
    for batch in merge.batches(BATCH):
        await register.write(c, to_rows(context, batch, Routing()))
        progress(merge.done, merge.total)
    if merge.routing.assigned:
        await register.write(c, to_rows(context, [], merge.routing))
    progress(merge.total, merge.total)
