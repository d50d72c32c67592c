"""Send the deliveries of leased lanes. In: lanes in progress with their deliveries. Out: what became of each attempt.

To a webhook one delivery after the other; to a queue all lanes of a partition together. A forwarder looks at its own
heartbeat before each send. Next: `lane_progress` decides what follows, and its effects are applied here.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, assert_never

import structlog

from consumers.forwarding.attempts import SentSteps, begin_span, end_with, log_attempt
from consumers.forwarding.lane_progress import CANCELLED, EndNotDelivered, EndpointGone
from hub import faults
from hub.domain.circuit import CircuitClosed, CircuitOpened
from hub.domain.delivery import IN_LANE, Delivered, NotAttempted
from hub.domain.pace import SlowedDown
from hub.envelopes import forwarded_message
from hub.outbound.webhook import WebhookMessage, deliver
from hub.telemetry.spans import traceparent_of

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from datetime import datetime

    from consumers.forwarding.destinations import Destinations
    from consumers.forwarding.lane_progress import Effect, LaneProgress
    from consumers.forwarding.queues import Queues
    from consumers.forwarding.webhooks import Endpoint, Webhooks
    from hub.domain.delivery import Outcome
    from hub.domain.keys import LaneKey
    from hub.envelopes import EnvelopeDefaults
    from hub.outbound import Outbound
    from hub.processes.heartbeat import Heartbeat
    from hub.store.lanes import QueuedDelivery

LANE_SECONDS: Final = 0.25
"""How long one lane is sent before its connection is free for another."""
SLOW_SECONDS: Final = 0.2
log = structlog.get_logger(__name__)


class OpenRequests:
    """Requests to webhooks without an answer yet, so that a successor can wait for them."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._since: dict[LaneKey, float] = {}

    def begin(self, lane: LaneKey) -> None:
        """Note that a request of this lane is open."""
        self._since[lane] = time.monotonic()

    def end(self, lane: LaneKey) -> None:
        """Note that the request of this lane is over."""
        self._since.pop(lane, None)

    def slow(self) -> list[tuple[int, str, float]]:
        """List requests open for longer than a moment: (destination, brin, seconds until they time out)."""
        at = time.monotonic()
        return [
            (*lane, round(self._timeout - (at - since), 1))
            for lane, since in self._since.items()
            if at - since > SLOW_SECONDS
        ]


class Dispatcher:
    """Sends lanes to webhooks and queues, and applies what follows from the answers."""

    def __init__(  # noqa: PLR0913 - bound once at start-up
        self,
        *,
        defaults: EnvelopeDefaults,
        destinations: Destinations,
        heartbeat: Heartbeat,
        queues: Queues,
        webhooks: Webhooks,
        outbound: Outbound,
        requests: OpenRequests,
    ) -> None:
        self._defaults = defaults
        self._destinations = destinations
        self._heartbeat = heartbeat
        self._queues = queues
        self._webhooks = webhooks
        self._outbound = outbound
        self._requests = requests
        self._sent = SentSteps()

    def enter_epoch(self, number: int) -> None:
        """Write this epoch of the ledger into messages from now on; it rises when the hub was restored."""
        self._defaults = replace(self._defaults, ledger_epoch=number)

    def fit_into(self, files_left: int) -> None:
        """Have no more connections than this process may open files."""
        self._destinations.fit_into(files_left)
        self._outbound.fit_into(files_left)

    async def to_webhook(self, progress: LaneProgress, deliveries: Sequence[QueuedDelivery]) -> None:
        """Post one lane's deliveries in order, until one fails or the lane has had its time."""
        lane = progress.lease.lane
        ends = time.monotonic() + LANE_SECONDS
        for delivery in deliveries:
            if progress.skips(delivery):
                continue
            endpoint = progress.destination.endpoint
            at = self._destinations.now()
            if endpoint is None or self._is_lost(progress) or time.monotonic() > ends or not endpoint.permits(at):
                return
            self._requests.begin(lane)
            faults.here("las.posting")
            try:
                outcome = await self._post(endpoint, progress, delivery, at)
            finally:
                self._requests.end(lane)
            faults.here("las.answered")
            await self.record(progress, delivery, outcome, at)
            faults.here("las.recorded")
            if progress.is_over:
                return

    def _is_lost(self, progress: LaneProgress) -> bool:
        return self._heartbeat.is_late or progress.incarnation != self._heartbeat.incarnation

    def _post(
        self, endpoint: Endpoint, progress: LaneProgress, delivery: QueuedDelivery, at: datetime
    ) -> Coroutine[Any, Any, Outcome]:
        endpoint.count(at)
        span = begin_span(progress, delivery)
        message = WebhookMessage(
            id=str(delivery.message.id),
            body=forwarded_message(delivery.message, progress.sent, self._defaults),
            traceparent=delivery.message.traceparent if span is None else traceparent_of(span),
        )
        sending = deliver(self._outbound, endpoint.receiver, message, endpoint.sender, at)
        return sending if span is None else end_with(span, sending)

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a queue of DUO has."""
        return await self._queues.partitions(topic)

    async def to_queue(
        self, topic: str, partition: int, lanes: Sequence[tuple[LaneProgress, Sequence[QueuedDelivery]]]
    ) -> None:
        """Send all deliveries of these lanes to one partition, and record the outcomes of each lane in order."""
        async with self._queues.gate(topic, partition):
            ours = [(progress, deliveries) for progress, deliveries in lanes if not self._is_lost(progress)]
            at = self._destinations.now()
            bodies = [list(self._bodies(progress, deliveries)) for progress, deliveries in ours]
            records = [
                (progress.lease.brin, body)
                for (progress, _), written in zip(ours, bodies, strict=True)
                for body in written
                if body is not None
            ]
            faults.here("duo.sending")
            outcomes = iter(await self._queues.send(topic, partition, records) if records else [])
            faults.here("duo.taken")
            for (progress, deliveries), written in zip(ours, bodies, strict=True):
                for delivery, body in zip(deliveries, written, strict=True):
                    outcome = next(outcomes) if body is not None else None
                    await self._record_sent(progress, delivery, outcome, at)
            faults.here("duo.recorded")

    def _bodies(self, progress: LaneProgress, deliveries: Sequence[QueuedDelivery]) -> Iterator[bytes | None]:
        previous = progress.sent
        for delivery in deliveries:
            is_due = delivery.status in IN_LANE
            yield forwarded_message(delivery.message, previous, self._defaults) if is_due else None
            if delivery.status is not CANCELLED:
                previous = delivery.message.sequence

    async def _record_sent(
        self, progress: LaneProgress, delivery: QueuedDelivery, outcome: Outcome | None, at: datetime
    ) -> None:
        """Record one delivery of a batch; after a failure the lane's later ones, sent already, are sent again."""
        if progress.is_over:
            return
        if outcome is None:
            progress.skips(delivery)
            return
        await self.record(progress, delivery, outcome, at)
        progress.is_over = not isinstance(outcome, Delivered)

    async def record(
        self, progress: LaneProgress, delivery: QueuedDelivery, outcome: Outcome, sent_at: datetime
    ) -> None:
        """Log an attempt, record its outcome, and apply the effects."""
        if isinstance(outcome, Delivered):
            self._destinations.pauses.succeed(progress.destination.id)
        log_attempt(progress, delivery, outcome)
        self._sent.add(progress, delivery, outcome, sent_at)
        for effect in progress.record(delivery, outcome, sent_at):
            await self._apply(progress, effect)

    async def _apply(self, progress: LaneProgress, effect: Effect) -> None:
        destination = progress.destination
        match effect:
            case CircuitOpened():
                await self._destinations.open_circuit(destination, effect)
            case CircuitClosed():
                await self._destinations.close_circuit(destination)
            case SlowedDown():
                await self._destinations.slow_down(destination, effect)
            case EndpointGone():
                destination.endpoint = None
                await self._webhooks.disable(destination.id, self._destinations.now())
            case NotAttempted():
                self._destinations.pauses.begin(destination, effect)
            case EndNotDelivered():
                log.error(
                    "end.not_delivered",
                    destination=destination.name,
                    brin=progress.lease.brin,
                    delivery=str(effect.delivery.message.id),
                    attempts=effect.attempts,
                    error=effect.error,
                    next="tried again in a day",
                )
            case _:
                assert_never(effect)
