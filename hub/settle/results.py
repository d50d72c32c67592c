"""What systems are told of DUO's answers. In: reports that move deliveries. Out: messages in the lanes of copies.

A system asks for them with `processingResults`. They are written in the transaction of the report that they speak of,
and name the delivery, its status before and after, and never a word of the report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from hub import plan
from hub.domain.delivery import ANSWERED
from hub.domain.ids import change_id, delivery_id
from hub.domain.kinds import Kind
from hub.domain.planning import Planned
from hub.envelopes import ChangeSubject, change_data
from hub.store import results as store
from schemas.cloudevents import write_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from hub.domain.delivery import Status
    from hub.store.pool import Connection
    from hub.store.reports import Key, LaneKey, Tracked
    from hub.store.results import ResultSubject


@dataclass(slots=True)
class ResultMessages:
    """Messages that one transaction makes, collected and written once."""

    _listened: Mapping[Key, ResultSubject]
    _planned: list[Planned] = field(default_factory=list)

    @property
    def lanes(self) -> set[LaneKey]:
        """The lanes that may get messages: they are locked together with those that the reports are about."""
        return {(listened.copies.id, key[1]) for key, listened in self._listened.items()}

    @property
    def needs_lanes(self) -> bool:
        """Whether one of them was not there yet."""
        return not all(listened.has_lane for listened in self._listened.values())

    def note(self, t: Tracked, before: Status, reported_at: datetime, now: datetime) -> bool:
        """Note that a report moved a delivery, and say whether a system hears of it: of an answer, or of its end."""
        listened = self._listened.get(t.key)
        if listened is None or t.status is before or not {t.status, before} & ANSWERED:
            return False
        self._planned.append(_message(t, before, listened, reported_at, now))
        return True

    async def write(self, c: Connection, now: datetime, process: int) -> None:
        """Put the messages at the end of their lanes."""
        if self._planned:
            await plan.append(c, self._planned, now=now, process=process)


async def find_result_subjects(c: Connection, keys: Iterable[Key]) -> ResultMessages:
    """Find who wants to hear what becomes of these deliveries; nobody is found by one small statement."""
    listeners = await store.read_subscribers(c)
    return ResultMessages(await store.read_subjects(c, keys, listeners) if listeners else {})


def _message(t: Tracked, before: Status, listened: ResultSubject, reported_at: datetime, now: datetime) -> Planned:
    """Tell of a delivery; the id depends on what was reported when, so that the same report makes the same one."""
    subject = ChangeSubject(
        delivery_id=t.id,
        event_id=t.event_id,
        destination=listened.destination,
        branch=t.branch,
        mandate_id=t.mandate_id,
        mandate_version=listened.mandate_version,
    )
    cause = change_id(t.id, t.status.value, write_time(reported_at))
    data = change_data((*t.key, before.value, t.status.value, write_time(now), None), subject)
    return Planned(
        destination=listened.copies,
        brin=t.brin,
        event_number=listened.event_number,
        id=delivery_id(t.event_id, listened.copies.name, t.branch, cause),
        branch=t.branch,
        kind=Kind.RESULT,
        expects_report=False,
        cause=cause,
        result=orjson.dumps(data).decode(),
    )
