"""Mandates from a file. In: its rows. Out: mandates, and one `granted` event for each new one.

All rows of a school are one change: units are computed from the result. A mandate that lives already, with the same
dates, is left as it is; routing that its rows add is assigned. Large files are written in batches, in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.imports.checks import Checks
from hub.imports.drafts import COLUMNS, read_drafts
from hub.imports.merge import Merge
from hub.imports.noted import digest, note_file, note_mandates
from hub.imports.result import Faults, Imported, Progress, silent
from hub.imports.table import read_table
from hub.register.noted import arrivals
from hub.register.record import Desk, Routing, to_columns, write
from hub.store import audit, register

if TYPE_CHECKING:
    from hub.register.moment import Moment
    from hub.store.pool import Connection

BATCH: Final = 4000


async def import_mandates(c: Connection, data: bytes, at: Moment, progress: Progress = silent) -> Imported:
    """Grant the mandates of a file; raises `InvalidInput` with every bad row, and then nothing has changed."""
    faults = Faults()
    drafts = read_drafts(read_table(data, COLUMNS, faults), faults)
    progress(0, len(drafts))
    schools = await register.lock_schools(c, {draft.wish.brin for draft in drafts})
    living = await register.living_mandates(c, schools, at.today)
    references = await register.references(c)
    checks = Checks(schools, references, living, at.today)
    merge = Merge(schools, living, at)
    for draft in drafts:
        merge.add(draft, checks.check(draft, faults))
    faults.refuse()
    await _write(c, merge, Desk(schools=schools, names=references.names, at=at), progress)
    unchanged = len(drafts) - merge.created - merge.changed
    done = Imported(created=merge.created, changed=merge.changed, unchanged=unchanged, events=merge.events)
    await audit.write_all(c, [*arrivals(merge.arrived, at.now), *note_mandates(merge.changes, digest(data), at.now)])
    await note_file(c, "mandates", data, done, at.now)
    return done


async def _write(c: Connection, merge: Merge, desk: Desk, progress: Progress) -> None:
    for batch in merge.batches(BATCH):
        await write(c, desk, to_columns(desk, batch, Routing()))
        progress(merge.done, merge.total)
    if merge.routing.assigned:
        await write(c, desk, to_columns(desk, [], merge.routing))
    progress(merge.total, merge.total)
