"""One turn of the act that waits longest. In: its next items. Out: deliveries appended or cancelled, items struck.

A turn is one transaction, with the act's row locked: whoever dies in the middle of it did nothing, and the next process
does the same items. The moment of the next turn is in the row too, so that all processes together keep one pace.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

from hub import settle
from hub.bulk import noted
from hub.domain.bulk import PORTION_SECONDS, BulkKind, BulkState, pause, portion
from hub.restate import restate
from hub.store import audit, bulk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.store.audit import Note
    from hub.store.bulk import Claim, Item
    from hub.store.pool import Connection

ALL_BUSY: Final = timedelta(seconds=PORTION_SECONDS)
"""So long an act waits when everything that is left of it is being sent by somebody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What one turn came to: done, and needing nothing any more."""

    act: UUID
    kind: BulkKind
    done: int
    skipped: int
    state: BulkState


@dataclass(frozen=True, slots=True)
class _Turn:
    struck: Sequence[int]
    done: int
    notes: Sequence[Note] = ()


async def work(c: Connection, now: datetime, process: int) -> Worked | None:
    """Do the next portion of the act whose turn it is, in the caller's transaction; None when it is no act's turn."""
    claim = await bulk.claim(c, now)
    if claim is None:
        return None
    items = await bulk.items(c, claim, portion(claim.rate))
    match claim.kind:
        case BulkKind.REPLAY:
            turn = await _replay(c, claim, items, now, process)
        case BulkKind.CANCELLATION:
            turn = await _cancel(c, claim, items, now, process)
        case _:
            assert_never(claim.kind)
    skipped = len(turn.struck) - turn.done
    next_at = now + (pause(turn.done, claim.rate) if turn.struck else ALL_BUSY)
    state = await bulk.advance(c, claim, turn.struck, (turn.done, skipped), (now, next_at))
    await audit.write_all(c, [*turn.notes, *await _ended(c, claim, state, now)])
    return Worked(act=claim.id, kind=claim.kind, done=turn.done, skipped=skipped, state=state)


async def _replay(c: Connection, claim: Claim, items: Sequence[Item], now: datetime, process: int) -> _Turn:
    told = await restate(c, [item.unit for item in items], cause=claim.id, now=now, process=process)
    return _Turn([item.n for item in items], len(told.appended))


async def _cancel(c: Connection, claim: Claim, items: Sequence[Item], now: datetime, process: int) -> _Turn:
    by_key = {item.key: item.n for item in items}
    result = await settle.cancel_many(c, list(by_key), claim.reason, now, process)
    struck = [n for key, n in by_key.items() if key not in result.busy]
    return _Turn(struck, len(result.cancelled), noted.cancelled(claim, result.cancelled, now))


async def _ended(c: Connection, claim: Claim, state: BulkState, now: datetime) -> list[Note]:
    act = await bulk.read(c, claim.id) if state is BulkState.DONE else None
    return [] if act is None else noted.ended(act, now)
