"""The statement of a month: what each party owed and took. In: a month, the ledger. Out: a line per party.

A message belongs to the month in which its change was recorded, by the clock of Amsterdam. The hub owes a first attempt
(the time that an operator held a destination is not counted), a receiver that it takes the message, its back office a
report, and a school the step that its system leaves to it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Final

from hub.clock import AMSTERDAM
from hub.domain.ids import lowest_at
from hub.errors import FieldError, FieldLocation, InvalidInput
from hub.store import observe, statement
from hub.store.statement import DeliverySums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from uuid import UUID

    from hub.domain.objective import Objective
    from hub.store.observe import DestinationView
    from hub.store.pool import Connection
    from hub.store.statement import OtherSums, SecondsHistogram

MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
DECEMBER: Final = 12
DAY: Final = timedelta(days=1)


class Party(StrEnum):
    """Who owed something."""

    HUB = "hub"
    RECEIVER = "receiver"
    BACK_OFFICE = "back_office"
    SCHOOLS = "schools"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """What a party owed and did, and the seconds that it took; None where nothing is measured or promised."""

    party: Party
    destination: str | None = None
    owed: int
    done: int
    in_time: int | None = None
    objective_seconds: float | None = None
    objective_share: float | None = None
    p50_seconds: float | None = None
    p99_seconds: float | None = None
    open: int = 0
    failed_attempts: int | None = None
    refused_attempts: int | None = None
    given_up: int | None = None
    rejected: int | None = None
    with_signal: int | None = None
    unavailable_seconds: float | None = None
    circuit_open_seconds: float | None = None
    held_seconds: float | None = None

    @property
    def share(self) -> float | None:
        """The share of what was done that was done in time."""
        return self.in_time / self.done if self.in_time is not None and self.done else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The lines of a month; `until` is now while the month lasts."""

    month: str
    since: datetime
    until: datetime
    is_over: bool
    messages: int
    repeats: int
    cancelled: int
    lines: Sequence[StatementLine]


def parse_month(text: str) -> tuple[datetime, datetime]:
    """Return the first moment of a month as `2026-11` in Amsterdam, and that of the next; raise `InvalidInput`."""
    found = MONTH.fullmatch(text)
    if found is None:
        where = FieldError(
            in_=FieldLocation.PATH, field="month", code="invalid", detail="a month is written as 2026-11"
        )
        raise InvalidInput([where])
    year, month = int(found[1]), int(found[2])
    following = (year + 1, 1) if month == DECEMBER else (year, month + 1)
    return datetime(year, month, 1, tzinfo=AMSTERDAM), datetime(*following, 1, tzinfo=AMSTERDAM)


async def read_statement(
    c: Connection, month: str, now: datetime, objective: Objective, tell: Callable[[int, int], object] = lambda *_: None
) -> Statement:
    """Read the statement of a month in one snapshot; raise `InvalidInput` for what is no month.

    It is read day by day: `tell` hears how many parts are done, and of how many.
    """
    since, end = parse_month(month)
    until = max(since, min(now, end))
    parts = _split(since, until, end)
    async with c.transaction(isolation="repeatable_read", readonly=True):
        views = await observe.read_destinations(c)
        sums: dict[int, DeliverySums] = defaultdict(DeliverySums)
        for nth, ids in enumerate(parts):
            tell(nth, len(parts) + 1)
            for destination, found in (await statement.read_part(c, ids, objective)).items():
                sums[destination].merge(found)
        tell(len(parts), len(parts) + 1)
        others = await statement.read_others(c, (parts[0][0], parts[-1][1]), (since, until))
    total = DeliverySums()
    for each in sums.values():
        total.merge(each)
    return Statement(
        month=month,
        since=since,
        until=until,
        is_over=now >= end,
        messages=total.messages,
        repeats=total.repeats,
        cancelled=total.cancelled,
        lines=[_hub(total, objective), *_destinations(views, sums, others, objective), _schools(views, sums, others)],
    )


def _split(since: datetime, until: datetime, end: datetime) -> list[tuple[UUID, UUID]]:
    """Return ranges of ids: a month's days that have begun; the last one has the rest, for clocks that run ahead."""
    days = ceil((until - since) / DAY)
    borders = [lowest_at(since + nth * DAY) for nth in range(days)] + [lowest_at(end)]
    return [*pairwise(borders)] if days else [(lowest_at(since), lowest_at(end))]


def _seconds(histogram: SecondsHistogram) -> tuple[float | None, float | None]:
    return histogram.percentile(0.5), histogram.percentile(0.99)


def _hub(total: DeliverySums, objective: Objective) -> StatementLine:
    p50, p99 = _seconds(total.hub)
    return StatementLine(
        party=Party.HUB,
        owed=total.messages - total.cancelled,
        done=total.attempted,
        in_time=total.attempted_in_time,
        objective_seconds=objective.transport_seconds,
        objective_share=objective.share,
        p50_seconds=p50,
        p99_seconds=p99,
        open=max(total.messages - total.cancelled - total.attempted, 0),
    )


def _destinations(
    views: Sequence[DestinationView], sums: Mapping[int, DeliverySums], others: OtherSums, objective: Objective
) -> Iterator[StatementLine]:
    for view in views:
        found = sums.get(view.id)
        if found is None and not any((view.id, kind) in others.outages for kind in ("circuit", "hold")):
            continue
        own, each = view.objective or objective, found or DeliverySums()
        yield _receiver(view, each, others, own)
        if each.expected:
            yield _back_office(view, each, own)


def _receiver(view: DestinationView, each: DeliverySums, others: OtherSums, own: Objective) -> StatementLine:
    p50, p99 = _seconds(each.receiver)
    return StatementLine(
        party=Party.RECEIVER,
        destination=view.name,
        owed=each.attempted,
        done=each.taken,
        in_time=each.taken_in_time,
        objective_seconds=own.transport_seconds,
        objective_share=own.share,
        p50_seconds=p50,
        p99_seconds=p99,
        open=each.open,
        failed_attempts=each.failed_attempts,
        refused_attempts=each.refused_attempts,
        given_up=each.dead,
        unavailable_seconds=others.unavailable.get(view.id, 0.0),
        circuit_open_seconds=others.outages.get((view.id, "circuit"), 0.0),
        held_seconds=others.outages.get((view.id, "hold"), 0.0),
    )


def _back_office(view: DestinationView, each: DeliverySums, own: Objective) -> StatementLine:
    p50, p99 = _seconds(each.processing)
    return StatementLine(
        party=Party.BACK_OFFICE,
        destination=view.name,
        owed=each.expected,
        done=each.reported,
        in_time=each.reported_in_time,
        objective_seconds=own.processing_seconds,
        objective_share=own.share,
        p50_seconds=p50,
        p99_seconds=p99,
        open=max(each.expected - each.reported, 0),
        rejected=each.rejected,
        with_signal=each.with_signal,
    )


def _schools(views: Sequence[DestinationView], sums: Mapping[int, DeliverySums], others: OtherSums) -> StatementLine:
    waiting = sum(sums[view.id].in_progress for view in views if view.kind == "las" and view.id in sums)
    p50, p99 = others.steps.seconds or (None, None)
    return StatementLine(
        party=Party.SCHOOLS,
        owed=others.steps.done + waiting,
        done=others.steps.done,
        p50_seconds=p50,
        p99_seconds=p99,
        open=waiting,
    )
