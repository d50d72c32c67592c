"""The two ways a turn goes. In: leased lanes with their letters. Out: `LaneResult`s on the settle queue.

To a webhook one letter after the other; to a queue all lanes of a partition together. The forwarder looks at its own
heartbeat before each send.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from consumers.forwarding import webhooks as las
from hub import faults
from hub.domain.delivery import IN_LANE, Status
from hub.domain.outcome import Delivered
from hub.envelopes import forwarded_message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from consumers.forwarding.destinations import Destinations
    from consumers.forwarding.lane_progress import LaneProgress
    from consumers.forwarding.queues import Queues
    from consumers.forwarding.webhooks import Webhooks
    from hub.domain.outcome import Outcome
    from hub.envelopes import EnvelopeDefaults
    from hub.processes.heartbeat import Heartbeat
    from hub.store.lanes import QueuedDelivery

TURN_SECONDS: Final = 0.25
REPORT_AFTER_SECONDS: Final = 0.2


class OpenRequests:
    """Requests to webhooks that are under way, so that a successor can wait for them."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._since: dict[tuple[int, str], float] = {}

    def begin(self, lane: tuple[int, str]) -> None:
        """Note that a request of this lane is open."""
        self._since[lane] = time.monotonic()

    def end(self, lane: tuple[int, str]) -> None:
        """Note that it was answered."""
        self._since.pop(lane, None)

    def slow(self) -> list[tuple[int, str, float]]:
        """List those open for longer than a moment: (destination, brin, seconds until they time out)."""
        at = time.monotonic()
        return [
            (destination, brin, round(self._timeout - (at - since), 1))
            for (destination, brin), since in self._since.items()
            if at - since > REPORT_AFTER_SECONDS
        ]


class Dispatcher:
    """Carries turns; knows how to write a message and where it goes."""

    def __init__(
        self,
        *,
        head: EnvelopeDefaults,
        destinations: Destinations,
        heartbeat: Heartbeat,
        queues: Queues,
        webhooks: Webhooks,
        requests: OpenRequests,
    ) -> None:
        self._head = head
        self._destinations = destinations
        self._heartbeat = heartbeat
        self._queues = queues
        self._webhooks = webhooks
        self._requests = requests

    def enter_epoch(self, number: int) -> None:
        """Write from now on in which epoch of the ledger messages are sent: it rises when the hub was restored."""
        self._head = replace(self._head, ledger_epoch=number)

    async def to_webhook(self, turn: LaneProgress, deliveries: Sequence[QueuedDelivery]) -> None:
        """Post one lane's letters in order, until one fails or the turn has lasted long enough."""
        lane = (turn.lease.destination, turn.lease.brin)
        ends = time.monotonic() + TURN_SECONDS
        for delivery in deliveries:
            if turn.skips(delivery):
                continue
            endpoint = turn.destination.endpoint
            at = self._destinations.now()
            if endpoint is None or self._is_lost(turn) or time.monotonic() > ends or not endpoint.permits(at):
                return
            self._requests.begin(lane)
            faults.here("las.posting")
            try:
                outcome = await self._post(endpoint, turn, delivery, at)
            finally:
                self._requests.end(lane)
            faults.here("las.answered")
            await turn.note(delivery, outcome, self._destinations, at)
            faults.here("las.noted")
            if turn.is_over:
                return

    def _is_lost(self, turn: LaneProgress) -> bool:
        return self._heartbeat.is_late or turn.incarnation != self._heartbeat.incarnation

    async def _post(
        self, endpoint: las.Endpoint, turn: LaneProgress, delivery: QueuedDelivery, at: datetime
    ) -> Outcome:
        message = las.WebhookMessage(
            id=str(delivery.message.id),
            body=forwarded_message(delivery.message, turn.sent, self._head),
            traceparent=delivery.message.traceparent,
        )
        return await self._webhooks.send(endpoint, message, at)

    async def to_queue(
        self, topic: str, partition: int, turns: Sequence[tuple[LaneProgress, Sequence[QueuedDelivery]]]
    ) -> None:
        """Send all letters of these lanes to one partition, and note what the broker took of each lane, in order."""
        async with self._queues.gate(topic, partition):
            mine = [(turn, deliveries) for turn, deliveries in turns if not self._is_lost(turn)]
            at = self._destinations.now()
            bodies = [list(self._written(turn, deliveries)) for turn, deliveries in mine]
            records = [
                (turn.lease.brin, body)
                for (turn, _), written in zip(mine, bodies, strict=True)
                for body in written
                if body is not None
            ]
            faults.here("duo.sending")
            outcomes = iter(await self._queues.send(topic, partition, records) if records else [])
            faults.here("duo.taken")
            for (turn, deliveries), written in zip(mine, bodies, strict=True):
                for delivery, body in zip(deliveries, written, strict=True):
                    await self._note(turn, delivery, next(outcomes) if body is not None else None, at)
            faults.here("duo.noted")

    async def _note(self, turn: LaneProgress, delivery: QueuedDelivery, outcome: Outcome | None, at: datetime) -> None:
        if turn.is_over:
            return
        if outcome is None:
            turn.skips(delivery)
            return
        await turn.note(delivery, outcome, self._destinations, at)
        turn.is_over = not isinstance(outcome, Delivered)

    def _written(self, turn: LaneProgress, deliveries: Sequence[QueuedDelivery]) -> Iterator[bytes | None]:
        previous = turn.sent
        for delivery in deliveries:
            yield forwarded_message(delivery.message, previous, self._head) if delivery.status in IN_LANE else None
            if delivery.status is not Status.CANCELLED:
                previous = delivery.message.sequence
