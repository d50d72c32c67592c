"""What a message to a webhook costs the forwarder itself, in calls of Python, against a recorded baseline."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from consumers.forwarding import dispatcher as dispatching
from consumers.forwarding.lane_progress import LaneProgress
from hub.outbound import Outbound
from hub.store import lanes
from tests.support.lanes.forwarding import settings_for
from tests.support.lanes.instant_receiver import answer_at_once, make_dispatcher

if TYPE_CHECKING:
    import pytest

EACH: Final = 40
BUDGET: Final = 86
"""Calls of the hub's own functions per message, from the row that was read to the outcome that is written."""
ROOT: Final = Path(dispatching.__file__).parents[2]
ROOMS: Final = tuple(f"{ROOT / room}/" for room in ("consumers", "hub", "schemas"))
AT: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class ReadRows:
    """A connection from which these rows are read."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    async def fetch(self, *_: object) -> list[tuple[Any, ...]]:
        """Return the rows."""
        return self._rows


def row(sequence: int) -> tuple[Any, ...]:
    """Make a row of `take_lanes`."""
    lease = {"destination": 5, "brin": "18DS", "head": 0, "sent": 0, "closed": 0, "token": 1, "early": 0.0}
    delivery = {
        "sequence": sequence,
        "id": UUID(int=sequence),
        "branch": "",
        "kind": "amended",
        "status": "waiting",
        "attempts": 0,
        "expects_report": False,
        "failed_since": None,
        "refusals": None,
        "refused_since": None,
        "replay_of": None,
        "planned_at": AT,
        "result": None,
        "event_id": UUID(int=sequence),
        "mandate_id": UUID(int=1),
        "recorded_at": AT,
        "units": '[{"type": "amended", "branch": "", "covers": ["18DS00"], "routing": null}]',
        "body": '{"mandateId": "00000000-0000-0000-0000-000000000001", "branches": []}',
        "traceparent": TRACEPARENT,
    }
    return *lease.values(), *delivery.values()


async def test_a_message_costs_a_bounded_number_of_calls(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane of 40 messages is read and sent to a receiver that answers at once; each costs what it did before."""
    answer_at_once(monkeypatch)
    monkeypatch.setattr(dispatching, "LANE_SECONDS", float("inf"))
    async with Outbound(settings_for(database).webhook) as outbound:
        dispatcher, webhook = make_dispatcher(outbound)
        await _send(dispatcher, webhook)
        calls = Counter[str]()

        def count(frame: Any, event: str, _argument: object) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(ROOMS):
                calls[frame.f_code.co_qualname] += 1

        sys.setprofile(count)
        try:
            sent = await _send(dispatcher, webhook)
        finally:
            sys.setprofile(None)
    each = calls.total() / EACH
    print(f"\n{each:.1f} calls per message: {calls.most_common(60)}")
    assert sent == EACH
    assert each <= BUDGET


async def _send(dispatcher: dispatching.Dispatcher, webhook: Any) -> int:
    read: Any = ReadRows([row(sequence) for sequence in range(1, EACH + 1)])
    ((lease, deliveries),) = (await lanes.take(read, 1, {5: 1}, EACH)).items()
    progress = LaneProgress(lease=lease, destination=webhook)
    await asyncio.create_task(dispatcher.to_webhook(progress, deliveries))
    return len(progress.succeeded)
