"""How far a lane gets: outcomes in, and what is recorded, what the circuit does and when the lane is due out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from consumers.forwarding.attempts import log_attempt
from consumers.forwarding.destination import Destination
from consumers.forwarding.destinations import Destinations
from consumers.forwarding.dispatcher import Dispatcher, OpenRequests
from consumers.forwarding.lane_progress import CIRCUIT_OPEN_SECONDS, EndNotDelivered, EndpointGone, LaneProgress
from hub.clock import LedgerClock
from hub.domain.circuit import WEBHOOK, CircuitClosed, CircuitOpened
from hub.domain.delivery import Delivered, Gone, Move, NotAttempted, Refused, RetryLater, Status
from hub.domain.kinds import Kind
from hub.domain.pace import SlowedDown
from hub.domain.retry import SCHEDULE
from hub.envelopes import MessageRow
from hub.store.lanes import Lease, QueuedDelivery

if TYPE_CHECKING:
    from hub.domain.delivery import Outcome

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DELIVERED = Delivered(at=NOON, duration_ms=12, http_status=202)
REFUSED = Refused(at=NOON, error="no", duration_ms=12, http_status=404)
ABSENT = RetryLater(at=NOON, error="nobody", duration_ms=5)


def lease(head: int = 0, early: float = 0.0) -> Lease:
    """Make the lease of a lane that is settled through `head`."""
    return Lease(destination=4, brin="18DS", head=head, sent=head, closed=head, token=1, early=early)


def queued(sequence: int, **differs: Any) -> QueuedDelivery:
    """Make a waiting delivery."""
    message = MessageRow(
        id=UUID(int=sequence), brin="18DS", sequence=sequence, branch="", kind=differs.pop("kind", Kind.GRANTED),
        replay_of=None, event_id=UUID(int=99), mandate_id=UUID(int=98), recorded_at=NOON, units="[]", body="{}",
        traceparent=None,
    )  # fmt: skip
    known = {"status": Status.WAITING, "attempts": 0, "expects_report": True, "failed_since": None, "planned_at": NOON}
    return QueuedDelivery(message=message, **{**known, **differs})


def progress(destination: Destination | None = None, **differs: Any) -> LaneProgress:
    """Begin the progress of a lane to a webhook."""
    webhook = destination or Destination(id=4, name="las:1", kind="las", topic=None)
    return LaneProgress(lease=lease(**differs), destination=webhook)


def test_what_is_accepted_moves_the_head_and_what_is_cancelled_is_no_predecessor() -> None:
    """The head passes both; the number that the next message names as previous is that of the accepted one."""
    one = progress()
    assert one.record(queued(1), DELIVERED, NOON) == ()
    assert one.skips(queued(2, status=Status.CANCELLED))
    result = one.result()
    assert (result.update.head, result.update.sent, result.update.wait) == (2, 1, 0.0)
    assert [(a.key, a.move) for a in result.succeeded] == [((4, "18DS", 1), Move.SUCCEEDED)]


def test_a_failure_stops_the_lane_until_its_moment_by_the_schedule() -> None:
    """The head stays, the attempt counts, and the wait is that of the second try."""
    one = progress()
    assert one.record(queued(1, attempts=1), ABSENT, NOON) == ()
    result = one.result()
    assert (one.is_over, result.update.head) == (True, 0)
    assert result.update.wait == pytest.approx(SCHEDULE[1])
    assert [(a.move, a.reason) for a in result.failed] == [(Move.FAILED, None)]
    assert not result.update.keeps_schedule


def test_what_the_hub_could_not_send_counts_against_nobody() -> None:
    """No attempt is kept, no schedule is used up, no circuit opens; the lane is tried again in a second."""
    webhook = Destination(id=4, name="las:1", kind="las", topic=None)
    fault = NotAttempted(at=NOON, error="no files", next_step="more files", is_general=True)
    for _ in range(3 * WEBHOOK.failures):
        one = progress(webhook)
        assert one.record(queued(1, attempts=1), fault, NOON) == (fault,)
        result = one.result()
        assert (one.is_over, result.update.head, result.update.wait, result.update.keeps_schedule) == (True, 0, 1, True)
        assert (result.failed, result.succeeded) == ([], [])
    assert (webhook.failures, webhook.circuit) == (0, "closed")


def test_a_delivery_that_is_given_up_lets_its_lane_go_on() -> None:
    """Nothing more is tried, and the next message may go."""
    one = progress()
    assert one.record(queued(1, attempts=len(SCHEDULE)), ABSENT, NOON) == ()
    assert [(a.move, a.reason) for a in one.failed] == [(Move.GIVEN_UP, "exhausted")]
    assert (one.is_over, one.head, one.wait) == (False, 1, 0.0)


def test_the_failure_that_opens_the_circuit_does_not_count() -> None:
    """It is one of a run: the destination is away, and no budget is used up."""
    destination = Destination(id=4, name="las:1", kind="las", topic=None, failures=WEBHOOK.failures - 1)
    one = progress(destination)
    (opened,) = one.record(queued(1), ABSENT, NOON)
    assert isinstance(opened, CircuitOpened)
    assert opened.probe_at == NOON + timedelta(seconds=WEBHOOK.probes[0])
    assert [a.move for a in one.failed] == [None]
    assert (one.wait, one.result().update.keeps_schedule) == (CIRCUIT_OPEN_SECONDS, True)


def test_a_probe_that_is_accepted_closes_the_circuit() -> None:
    """What it finds is an effect to apply, not a write."""
    destination = Destination(id=4, name="las:1", kind="las", topic=None, circuit="half_open", is_probing=True)
    assert progress(destination).record(queued(1), DELIVERED, NOON) == (CircuitClosed(),)
    assert destination.circuit == "half_open"


def test_an_attempt_before_its_moment_does_not_count() -> None:
    """A lane that was made due early, because its destination was there again, waits as long as it had to."""
    one = progress(early=120.0)
    assert one.record(queued(1, status=Status.RETRYING, attempts=2), ABSENT, NOON) == ()
    assert ([a.move for a in one.failed], one.wait) == ([None], 120.0)


@pytest.mark.parametrize(
    ("delivery", "outcome", "effect"),
    [
        (queued(1), Gone(at=NOON, error="410", duration_ms=1), EndpointGone),
        (queued(1), RetryLater(at=NOON, error="429", duration_ms=1, http_status=429, after=9.0), SlowedDown),
        (
            queued(1, attempts=2, refusals=2, refused_since=NOON),
            Refused(at=NOON, error="no", duration_ms=1),
            CircuitOpened,
        ),
        (queued(1, attempts=len(SCHEDULE), kind=Kind.WITHDRAWN), ABSENT, EndNotDelivered),
    ],
)
def test_what_follows_from_an_answer_is_an_effect(delivery: QueuedDelivery, outcome: Outcome, effect: type) -> None:
    """Gone, asked for patience, refuses everything, never hears the end: each is data that the dispatcher applies."""
    one = progress()
    assert [type(found) for found in one.record(delivery, outcome, NOON)] == [effect]
    assert one.is_over


@pytest.mark.parametrize(
    ("outcome", "word", "status", "error"), [(DELIVERED, "delivered", 202, None), (REFUSED, "refused", 404, "no")]
)
async def test_an_attempt_is_one_line_in_the_log(outcome: Outcome, word: str, status: int, error: str | None) -> None:
    """The same fields for a success and for a failure."""
    nothing = cast("Any", None)
    destinations = Destinations(nothing, LedgerClock())
    dispatcher = Dispatcher(
        defaults=nothing, destinations=destinations, heartbeat=nothing, queues=nothing, webhooks=nothing,
        outbound=nothing, requests=OpenRequests(1.0),
    )  # fmt: skip
    with capture_logs() as lines:
        await dispatcher.record(progress(), queued(3, attempts=1), outcome, NOON)
    assert lines == [
        {
            "event": "delivery.attempted",
            "log_level": "info",
            "delivery": str(UUID(int=3)),
            "destination": "las:1",
            "brin": "18DS",
            "branch": None,
            "sequence": 3,
            "attempt": 2,
            "outcome": word,
            "httpStatus": status,
            "durationMs": 12,
            "traceId": None,
            "error": error,
        }
    ]


async def test_what_was_not_attempted_is_no_attempt_in_the_log() -> None:
    """A fault of the hub's own is told by `sending.paused`."""
    with capture_logs() as lines:
        log_attempt(progress(), queued(1), NotAttempted(at=NOON, error="no", next_step="wait", is_general=True))
    assert lines == []
