"""Tell systems what DUO answered. In: reports that move deliveries. Out: messages in the lanes of copies.

A system asks for them with `processingResults`. They are written in the transaction of their report, and hold the
delivery and its status before and after, but nothing of the report's text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from hub import plan
from hub.domain.delivery import ANSWERED
from hub.domain.ids import change_id, delivery_id
from hub.domain.keys import LaneKey
from hub.domain.kinds import Kind
from hub.domain.planning import Planned
from hub.envelopes import ChangeSubject, StatusChange, change_data
from hub.store import results as store
from schemas.cloudevents import write_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from hub.domain.delivery import Status
    from hub.domain.keys import DeliveryKey
    from hub.store.pool import Connection
    from hub.store.reports import Tracked
    from hub.store.results import ResultSubject


@dataclass(slots=True)
class ResultMessages:
    """The messages of one transaction, collected and written once."""

    _subjects: Mapping[DeliveryKey, ResultSubject]
    _planned: list[Planned] = field(default_factory=list)

    @property
    def lanes(self) -> set[LaneKey]:
        """The lanes that may get messages: they are locked together with the lanes of the reports."""
        return {LaneKey(result_subject.copies.id, key.brin) for key, result_subject in self._subjects.items()}

    @property
    def needs_lanes(self) -> bool:
        """Whether one of these lanes does not exist yet."""
        return not all(result_subject.has_lane for result_subject in self._subjects.values())

    def add(self, t: Tracked, before: Status, reported_at: datetime, now: datetime) -> bool:
        """Add a delivery that a report moved; return whether a system is told, as of every change of an answer."""
        result_subject = self._subjects.get(t.key)
        if result_subject is None or t.status is before or not {t.status, before} & ANSWERED:
            return False
        self._planned.append(_message(t, before, result_subject, reported_at, now))
        return True

    async def write(self, c: Connection, now: datetime, process: int) -> None:
        """Append the messages to their lanes."""
        if self._planned:
            await plan.append(c, self._planned, now=now, process=process)


async def find_result_subjects(c: Connection, keys: Iterable[DeliveryKey]) -> ResultMessages:
    """Find the systems that asked for the results of these deliveries; one small statement where none did."""
    subscribers = await store.read_subscribers(c)
    return ResultMessages(await store.read_subjects(c, keys, subscribers) if subscribers else {})


def _message(
    t: Tracked, before: Status, result_subject: ResultSubject, reported_at: datetime, now: datetime
) -> Planned:
    """Make the message about a delivery; its id comes from status and time of the report, so a repeat has the same."""
    subject = ChangeSubject(
        delivery_id=t.id,
        event_id=t.event_id,
        destination=result_subject.destination,
        branch=t.branch,
        mandate_id=t.mandate_id,
        mandate_version=result_subject.mandate_version,
    )
    cause = change_id(t.id, t.status.value, write_time(reported_at))
    data = change_data(StatusChange(*t.key, before.value, t.status.value, write_time(now)), subject)
    return Planned(
        destination=result_subject.copies,
        brin=t.brin,
        event_number=result_subject.event_number,
        id=delivery_id(t.event_id, result_subject.copies.name, t.branch, cause),
        branch=t.branch,
        kind=Kind.RESULT,
        expects_report=False,
        cause=cause,
        result=orjson.dumps(data).decode(),
    )
