"""Schools from DUO's open data. In: a file of branches, po or vo. Out: the register's schools, and what follows.

The difference is known before anything is written, so that it can be shown alone, and so that a file that was cut off
closes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from hub.domain.difference import compare, is_too_much
from hub.domain.kinds import Kind
from hub.domain.listing import follow
from hub.errors import HubError
from hub.imports.consequences import consequences
from hub.imports.listing import read_listing
from hub.imports.noted import digest, note_boards, note_consequences, note_file, note_schools
from hub.imports.result import Faults, Progress, SchoolsImported, silent
from hub.register.record import Desk, Routing, to_columns, write
from hub.store import audit, imports, register

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.domain.difference import Difference
    from hub.domain.listing import Book, Listing
    from hub.domain.school import School
    from hub.imports.consequences import Consequences
    from hub.register.moment import Moment
    from hub.store.pool import Connection
    from schemas.identifiers import Brin

BATCH: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a file is taken: only looked at, as a part of its sector, and with how many closings at most."""

    dry_run: bool = False
    is_part: bool = False
    accepted: int = 0


AS_USUAL: Final = Terms()


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
    c: Connection, data: bytes, at: Moment, progress: Progress = silent, terms: Terms = AS_USUAL
) -> SchoolsImported:
    """Bring the register's schools to what a file says of them.

    Raises `InvalidInput` with every bad row, or `TooManyClosures`; then nothing has changed.
    """
    faults = Faults()
    listing = read_listing(data, faults, is_part=terms.is_part)
    faults.refuse()
    progress(0, len(listing.branches))
    if not terms.dry_run:
        await imports.take_turn(c)
    before = await imports.read_book(c)
    after = follow(before, listing, at.today)
    difference = compare(before, after, at.today)
    to_accept = difference.closings if is_too_much(before, after, listing.sector, at.today) else 0
    if to_accept > terms.accepted and not terms.dry_run:
        raise TooManyClosures(listing.sector, difference, terms.accepted)
    schools = await _hold(c, before, after, terms)
    follows = await consequences(c, schools, after, difference, at)
    if not terms.dry_run:
        await imports.write_book(c, before, after)
        await _tell(c, follows, at)
    done = _result(listing, difference, follows, to_accept)
    if not terms.dry_run:
        notes = (note_schools(before, after, digest(data), at.now), note_consequences(follows.raised, at.now))
        await audit.write_all(c, [*chain(*notes), *note_boards(difference.boards_renamed, digest(data), at.now)])
        await note_file(c, "schools", data, done, at.now)
    progress(len(listing.branches), len(listing.branches))
    return done


async def _hold(c: Connection, before: Book, after: Book, terms: Terms) -> dict[Brin, School]:
    """Hold all schools that are written to, in key order; who only looks holds none."""
    codes = chain(_differing(before.schools, after.schools), _differing(before.branches, after.branches))
    brins = {code[:4] for code in codes} & before.schools.keys()
    return await (register.read_schools if terms.dry_run else register.lock_schools)(c, brins)


def _differing(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    return (code for code, row in after.items() if before.get(code) != row)


async def _tell(c: Connection, follows: Consequences, at: Moment) -> None:
    if not follows.raised:
        return
    desk = Desk(schools=follows.schools, names=(await register.references(c)).names, at=at)
    for first in range(0, len(follows.raised), BATCH):
        await write(c, desk, to_columns(desk, follows.raised[first : first + BATCH], Routing()))


def _result(listing: Listing, difference: Difference, follows: Consequences, to_accept: int) -> SchoolsImported:
    created, changed = len(difference.added), difference.changed_schools
    return SchoolsImported(
        created=created,
        changed=len(changed),
        unchanged=len(listing.boards) - created - len(changed & listing.boards.keys()),
        events=len(follows.raised),
        sector=listing.sector,
        difference=difference,
        ended=sum(1 for event in follows.raised if event.kind is Kind.WITHDRAWN),
        to_accept=to_accept,
    )
