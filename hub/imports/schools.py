"""Import schools from DUO's open data. In: a file of branches, po or vo. Out: the register's schools, and what follows.

The difference and the mandates that it ends are known before anything is written, so that they can be shown alone, and
so that a file that was cut off closes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from hub.domain.difference import MOST_CLOSED, closes_too_many, compare
from hub.domain.education import Education
from hub.domain.kinds import Kind
from hub.domain.listing import apply_listing
from hub.errors import HubError
from hub.imports.audit import board_entries, consequence_entries, digest, school_entries, write_file_entry
from hub.imports.consequences import consequences
from hub.imports.listing import read_listing
from hub.imports.result import Progress, RowErrors, SchoolsImported, ToAccept, Withdrawal, no_progress
from hub.register.write import Routing, WriteContext, to_rows
from hub.store import audit, imports, register

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hub.domain.change import NewEvent
    from hub.domain.difference import Difference
    from hub.domain.listing import Listing, SchoolSnapshot
    from hub.domain.school import School
    from hub.imports.consequences import Consequences
    from hub.register.write import Moment
    from hub.store.pool import Connection
    from schemas.identifiers import Brin, SystemCode

BATCH: Final = 4000
MOST_WITHDRAWN: Final = 5
"""A file that ends more mandates than a handful needs a word from a person."""
NOTHING_ACCEPTED: Final = ToAccept()


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolImportOptions:
    """How a file is taken: only looked at, as a part of its kinds of education, and with what accepted by a person."""

    dry_run: bool = False
    is_part: bool = False
    accepted: ToAccept = NOTHING_ACCEPTED


DEFAULT_OPTIONS: Final = SchoolImportOptions()


class NeedsAcceptance(HubError):  # noqa: N818 - named as the claim it makes
    """The file closes schools or ends mandates that a person must accept first."""

    code = "needs-acceptance"

    def __init__(self, done: SchoolsImported, accepted: ToAccept) -> None:
        self.to_accept = done.to_accept
        reasons = "; ".join(acceptance_reasons(done, accepted))
        options = " ".join(acceptance_options(done.to_accept))
        super().__init__(
            f"{reasons}. Nothing was imported.",
            next_step=f"--dry-run shows which; if that is right, say so with {options}.",
        )


def acceptance_reasons(done: SchoolsImported, accepted: ToAccept = NOTHING_ACCEPTED) -> Iterator[str]:
    """Explain why a person must accept a file."""
    closed, branches = len(done.difference.closed), len(done.difference.branches_closed)
    if done.to_accept.closures > accepted.closures:
        yield (
            f"{closed} of the schools would close, and {branches} of the branches of schools that stay:"
            f" more than {MOST_CLOSED} % of {', '.join(done.kinds)}{_beyond(accepted.closures)}"
        )
    if done.to_accept.withdrawals > accepted.withdrawals:
        systems = ", ".join(f"{name}: {n}" for name, n in withdrawals_by_system(done))
        yield f"{done.ended} mandates would be withdrawn ({systems}){_beyond(accepted.withdrawals)}"


def acceptance_options(to_accept: ToAccept) -> Iterator[str]:
    """Return the options of the command that accept a file."""
    if to_accept.closures:
        yield f"--accept-closures {to_accept.closures}"
    if to_accept.withdrawals:
        yield f"--accept-withdrawals {to_accept.withdrawals}"


def withdrawals_by_system(done: SchoolsImported) -> list[tuple[str, int]]:
    """Count the mandates that end per system, most first."""
    return Counter(each.system_name for each in done.withdrawals).most_common()


async def import_schools(
    c: Connection,
    data: bytes,
    at: Moment,
    progress: Progress = no_progress,
    options: SchoolImportOptions = DEFAULT_OPTIONS,
) -> SchoolsImported:
    """Bring the register's schools to what a file says of them.

    Raises `InvalidInput` with every bad row, or `NeedsAcceptance` when it closes or ends more than was accepted; then
    nothing has changed.
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
    schools = await _lock_schools(c, before, after, options)
    effects = await consequences(c, schools, after, difference, at)
    names = (await register.references(c)).names
    done = _result(listing, difference, effects, names, closures=_to_accept(before, after, listing, difference, at))
    if not options.dry_run:
        if done.to_accept.exceeds(options.accepted):
            raise NeedsAcceptance(done, options.accepted)
        await imports.write_snapshot(c, before, after)
        await _write_events(c, effects, WriteContext(schools=effects.schools, names=names, at=at))
        await _write_audit(c, data, (before, after), effects, done, at)
    progress(len(listing.branches), len(listing.branches))
    return done


async def _lock_schools(
    c: Connection, before: SchoolSnapshot, after: SchoolSnapshot, options: SchoolImportOptions
) -> dict[Brin, School]:
    """Lock all schools that are written to, in key order; a dry run locks none."""
    codes = chain(_differing(before.schools, after.schools), _differing(before.branches, after.branches))
    brins = {code[:4] for code in codes} & before.schools.keys()
    return await (register.read_schools if options.dry_run else register.lock_schools)(c, brins)


def _differing(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    return (code for code, row in after.items() if before.get(code) != row)


async def _write_events(c: Connection, effects: Consequences, context: WriteContext) -> None:
    for first in range(0, len(effects.new_events), BATCH):
        await register.write(c, to_rows(context, effects.new_events[first : first + BATCH], Routing()))


async def _write_audit(
    c: Connection,
    data: bytes,
    snapshots: tuple[SchoolSnapshot, SchoolSnapshot],
    effects: Consequences,
    done: SchoolsImported,
    at: Moment,
) -> None:
    entries = (
        *school_entries(*snapshots, digest(data), at.now),
        *consequence_entries(effects.new_events, at.now),
        *board_entries(done.difference.boards_renamed, digest(data), at.now),
    )
    await audit.write_all(c, entries)
    await write_file_entry(c, "schools", data, done, at.now)


def _to_accept(
    before: SchoolSnapshot, after: SchoolSnapshot, listing: Listing, difference: Difference, at: Moment
) -> int:
    return difference.closings if closes_too_many(before, after, listing.kinds, at.today) else 0


def _result(
    listing: Listing, difference: Difference, effects: Consequences, names: Mapping[SystemCode, str], *, closures: int
) -> SchoolsImported:
    created, changed = len(difference.added), difference.changed_schools
    withdrawals = tuple(_withdrawals(effects.new_events, names))
    return SchoolsImported(
        created=created,
        changed=len(changed),
        unchanged=len(listing.boards) - created - len(changed & listing.boards.keys()),
        events=len(effects.new_events),
        sector=listing.sector,
        kinds=tuple(kind for kind in Education if kind in listing.kinds),
        difference=difference,
        withdrawals=withdrawals,
        to_accept=ToAccept(closures=closures, withdrawals=len(withdrawals) if len(withdrawals) > MOST_WITHDRAWN else 0),
    )


def _withdrawals(events: Iterable[NewEvent], names: Mapping[SystemCode, str]) -> Iterator[Withdrawal]:
    for event in events:
        if event.kind is Kind.WITHDRAWN:
            mandate = event.mandate
            yield Withdrawal(
                mandate_id=mandate.id,
                brin=mandate.brin,
                service_code=mandate.service_code,
                supplier_oin=mandate.supplier_oin,
                system_name=names[mandate.system_code],
            )


def _beyond(accepted: int) -> str:
    return f"; accepted were {accepted}" if accepted else ""
