"""The age of a delivery, by whose turn it was. In: its moments. Out: seconds that add up to its age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMoments:
    """The moments of a delivery that is not done; None for what did not happen.

    `failing_since` is when its receiver was first seen to fail, by this delivery or by the circuit of its destination.
    `held_from` and `held_until` are the last hold; a hold that lasts has no end. `school_since` is when the receiver
    reported that the school has a step to do; `unread_since` is when it wrote the oldest report that the hub has not
    read: from then on it is the hub's turn.
    """

    recorded_at: datetime
    failing_since: datetime | None = None
    held_from: datetime | None = None
    held_until: datetime | None = None
    delivered_at: datetime | None = None
    school_since: datetime | None = None
    unread_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeParts:
    """Seconds of an age, by whose turn it was; they add up to the age."""

    hub: float = 0.0
    held: float = 0.0
    receiver: float = 0.0
    back_office: float = 0.0
    school: float = 0.0


def split_age(moments: DeliveryMoments, now: datetime) -> AgeParts:
    """Split the age of a delivery: first its transport, then its processing.

    The age counts from the record of the change, or from the delivery where another machine's clock puts that first.
    """
    start = min(moments.recorded_at, moments.delivered_at or now, now)
    taken = _within(moments.delivered_at or now, start, now)
    held_from = _within(moments.held_from or taken, start, taken)
    held_until = _within(moments.held_until or taken, held_from, taken)
    failing = _within(moments.failing_since or taken, start, taken)
    held = _seconds(held_from, held_until)
    receiver = _seconds(failing, taken) - _overlap(failing, taken, held_from, held_until)
    unread = _within(moments.unread_since or now, taken, now)
    school = _within(moments.school_since or unread, taken, unread)
    return AgeParts(
        hub=max(_seconds(start, taken) - held - receiver, 0.0) + _seconds(unread, now),
        held=held,
        receiver=receiver,
        back_office=_seconds(taken, school),
        school=_seconds(school, unread),
    )


def _within(moment: datetime, low: datetime, high: datetime) -> datetime:
    return min(max(moment, low), high)


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def _overlap(a: datetime, b: datetime, c: datetime, d: datetime) -> float:
    return max(_seconds(max(a, c), min(b, d)), 0.0)
