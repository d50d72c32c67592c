"""The ledger check. In: one snapshot of the database. Out: a balance per destination, and every violated rule.

Each rule compares independent sources: events, lanes, rows of deliveries, counters. All rules hold in any snapshot, so
that traffic under way raises no alarm.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hub.domain.delivery import Status
from hub.store import chain, consistency, ledger, observe, tallies

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.store.consistency import BrokenRow, Portions
    from hub.store.pool import Connection
    from hub.store.tallies import Tally


READ_AT_ONCE: Final = 7
"""The sums, and each of six rules."""
IN_PORTIONS: Final = 2
"""Two statements look at each portion of deliveries."""


class Rule(StrEnum):
    """A rule of the ledger."""

    BALANCE = "balance"
    SEQUENCE = "sequence"
    PLANNED_TWICE = "planned_twice"
    UNPLANNED = "unplanned"
    STRANDED_LANE = "stranded_lane"
    STATUS = "status"
    AUDIT_CHAIN = "audit_chain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A violated rule, and where."""

    rule: Rule
    destination: str | None = None
    brin: str | None = None
    delivery_id: UUID | None = None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationBalance:
    """The planned deliveries of a destination, and how many have each status."""

    destination: str
    planned: int
    statuses: Mapping[Status, int]
    archived: int = 0

    @property
    def difference(self) -> int:
        """How many planned deliveries have no row, minus rows that were never planned."""
        return self.planned - sum(self.statuses.values()) - self.archived


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheck:
    """The result of a check."""

    at: datetime
    ledger_epoch: int
    events: int
    accounts: Sequence[DestinationBalance]
    violations: Sequence[Violation]

    @property
    def ok(self) -> bool:
        """Whether every rule holds."""
        return not self.violations


class CheckSteps:
    """Counts the steps of a check, and shows each; a step is a portion of deliveries, or what is read at once."""

    def __init__(self, show: Callable[[int, int], None]) -> None:
        self._show = show
        self._done = self.total = 0

    def end(self) -> None:
        """Show one more step."""
        self._done += 1
        self._show(self._done, self.total)


def _show_nothing(_done: int, _total: int) -> None:
    pass


async def check_ledger(c: Connection, now: datetime, show: Callable[[int, int], None] = _show_nothing) -> LedgerCheck:
    """Check the ledger in one snapshot; take no locks and write nothing. `show` is told the steps done, of how many."""
    steps = CheckSteps(show)
    async with c.transaction(isolation="repeatable_read", readonly=True):
        await observe.allow_table_scans(c)
        portions = await consistency.make_portions(c, steps.end)
        steps.total = READ_AT_ONCE + IN_PORTIONS * len(portions)
        names = {destination.id: destination.name for destination in await observe.read_destinations(c)}
        counted, kept, planned = (
            await consistency.count_deliveries(c),
            await tallies.totals(c),
            await consistency.count_planned(c),
        )
        steps.end()
        accounts = list(_accounts(names, counted, planned))
        return LedgerCheck(
            at=now,
            ledger_epoch=await ledger.epoch(c),
            events=await consistency.count_events(c),
            accounts=accounts,
            violations=[
                *_unbalanced(accounts),
                *_miscounted(names, counted, kept),
                *await _broken(c, names, portions, steps),
            ],
        )


async def _broken(c: Connection, names: Mapping[int, str], portions: Portions, steps: CheckSteps) -> list[Violation]:
    rules: Mapping[Rule, Callable[[], Awaitable[Sequence[BrokenRow]]]] = {
        Rule.SEQUENCE: lambda: consistency.find_broken_sequences(c),
        Rule.PLANNED_TWICE: lambda: consistency.find_planned_twice(c, portions),
        Rule.UNPLANNED: lambda: consistency.find_unplanned(c),
        Rule.STRANDED_LANE: lambda: consistency.find_stranded(c),
        Rule.STATUS: lambda: consistency.find_misplaced(c, portions),
        Rule.AUDIT_CHAIN: lambda: chain.find_broken(c, consistency.MAX_ROWS),
    }
    found: dict[Rule, Sequence[BrokenRow]] = {}
    for rule, find in rules.items():
        found[rule] = await find()
        steps.end()
    return [
        Violation(
            rule=rule,
            destination=None if row.destination is None else names.get(row.destination, str(row.destination)),
            brin=row.brin,
            delivery_id=row.delivery_id,
            detail=row.detail,
        )
        for rule, rows in found.items()
        for row in rows
    ]


def _accounts(
    names: Mapping[int, str], counted: Mapping[Tally, int], planned: Mapping[int, tuple[int, int]]
) -> Iterator[DestinationBalance]:
    statuses: dict[int, Counter[Status]] = {}
    for (destination, status, _), n in counted.items():
        statuses.setdefault(destination, Counter())[status] += n
    known = list(names) + sorted((statuses.keys() | planned.keys()) - names.keys())
    for destination in known:
        yield DestinationBalance(
            destination=names.get(destination, str(destination)),
            planned=planned.get(destination, (0, 0))[0],
            archived=planned.get(destination, (0, 0))[1],
            statuses={status: statuses.get(destination, Counter())[status] for status in Status},
        )


def _unbalanced(accounts: Sequence[DestinationBalance]) -> Iterator[Violation]:
    for account in accounts:
        if account.difference:
            detail = (
                f"{account.planned} planned, {sum(account.statuses.values())} rows, {account.archived} archived; "
                "the school is named beside `sequence`"
            )
            yield Violation(rule=Rule.BALANCE, destination=account.destination, detail=detail)


def _miscounted(
    names: Mapping[int, str], counted: Mapping[Tally, int], kept: Mapping[Tally, int]
) -> Iterator[Violation]:
    for key in sorted(counted.keys() | kept.keys()):
        rows, tally = counted.get(key, 0), kept.get(key, 0)
        if rows != tally:
            destination, status, expects = key
            which = "with a report to come" if expects else "without a report to come"
            yield Violation(
                rule=Rule.BALANCE,
                destination=names.get(destination, str(destination)),
                detail=f"{rows} rows are {status} {which}, and the counters say {tally}; where no row is wrong, add "
                "the difference to a row of tallies",
            )
