"""Schools from DUO's open data. In: a file of branches, po or vo. Out: the register's schools, and what follows.

The difference is known before anything is written, so that it can be shown alone, and so that a file that was cut off
closes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from hub.domain.difference import closes_too_many, compare
from hub.domain.kinds import Kind
from hub.domain.listing import apply_listing
from hub.errors import HubError
from hub.imports.audit import board_entries, consequence_entries, digest, school_entries, write_file_entry
from hub.imports.consequences import consequences
from hub.imports.listing import read_listing
from hub.imports.result import Progress, RowErrors, SchoolsImported, no_progress
from hub.register.write import Routing, WriteContext, to_rows, write_rows
from hub.store import audit, imports, register

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.domain.difference import Difference
    from hub.domain.listing import Listing, SchoolSnapshot
    from hub.domain.school import School
    from hub.imports.consequences import Consequences
    from hub.register.moment import Moment
    from hub.store.pool import Connection
    from schemas.identifiers import Brin

BATCH: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolImportOptions:
    """How a file is taken: only looked at, as a part of its sector, and with how many closings at most."""

    dry_run: bool = False
    is_part: bool = False
    accepted: int = 0


DEFAULT_OPTIONS: Final = SchoolImportOptions()


class TooManyClosures(HubError):  # noqa: N818 - named as the claim it makes
    """More would close than one expects of a file."""

    code = "too-many-closures"

    def __init__(self, sector: str, difference: Difference, accepted: int) -> None:
        self.closings = difference.closings
        given = f"; accepted were {accepted}" if accepted else ""
        super().__init__(
            f"{len(difference.closed)} of the schools would close, and {len(difference.branches_closed)} of the"
            f" branches of schools that stay: more than 2 % of {sector}{given}. Nothing was imported.",
            next_step=f"--dry-run shows which; if that is right, say so with --accept-closures {self.closings}.",
        )


async def import_schools(
    c: Connection,
    data: bytes,
    at: Moment,
    progress: Progress = no_progress,
    options: SchoolImportOptions = DEFAULT_OPTIONS,
) -> SchoolsImported:
    """Bring the register's schools to what a file says of them.

    Raises `InvalidInput` with every bad row, or `TooManyClosures`; then nothing has changed.
    """
    errors = RowErrors()
    listing = read_listing(data, errors, is_part=options.is_part)
    errors.refuse()
    progress(0, len(listing.branches))
    if not options.dry_run:
        await imports.take_turn(c)
    before = await imports.read_snapshot(c)
    after = apply_listing(before, listing, at.today)
    difference = compare(before, after, at.today)
    to_accept = difference.closings if closes_too_many(before, after, listing.sector, at.today) else 0
    if to_accept > options.accepted and not options.dry_run:
        raise TooManyClosures(listing.sector, difference, options.accepted)
    schools = await _lock_schools(c, before, after, options)
    effects = await consequences(c, schools, after, difference, at)
    if not options.dry_run:
        await imports.write_snapshot(c, before, after)
        await _write_events(c, effects, at)
    done = _result(listing, difference, effects, to_accept)
    if not options.dry_run:
        notes = (school_entries(before, after, digest(data), at.now), consequence_entries(effects.new_events, at.now))
        await audit.write_all(c, [*chain(*notes), *board_entries(difference.boards_renamed, digest(data), at.now)])
        await write_file_entry(c, "schools", data, done, at.now)
    progress(len(listing.branches), len(listing.branches))
    return done


async def _lock_schools(
    c: Connection, before: SchoolSnapshot, after: SchoolSnapshot, options: SchoolImportOptions
) -> dict[Brin, School]:
    """Hold all schools that are written to, in key order; who only looks holds none."""
    codes = chain(_differing(before.schools, after.schools), _differing(before.branches, after.branches))
    brins = {code[:4] for code in codes} & before.schools.keys()
    return await (register.read_schools if options.dry_run else register.lock_schools)(c, brins)


def _differing(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    return (code for code, row in after.items() if before.get(code) != row)


async def _write_events(c: Connection, effects: Consequences, at: Moment) -> None:
    if not effects.new_events:
        return
    context = WriteContext(schools=effects.schools, names=(await register.references(c)).names, at=at)
    for first in range(0, len(effects.new_events), BATCH):
        await write_rows(c, context, to_rows(context, effects.new_events[first : first + BATCH], Routing()))


def _result(listing: Listing, difference: Difference, effects: Consequences, to_accept: int) -> SchoolsImported:
    created, changed = len(difference.added), difference.changed_schools
    return SchoolsImported(
        created=created,
        changed=len(changed),
        unchanged=len(listing.boards) - created - len(changed & listing.boards.keys()),
        events=len(effects.new_events),
        sector=listing.sector,
        difference=difference,
        ended=sum(1 for event in effects.new_events if event.kind is Kind.WITHDRAWN),
        to_accept=to_accept,
    )
