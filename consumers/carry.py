"""The two ways a turn goes. In: leased lanes with their letters. Out: `LaneRun`s on the settle queue.

To a webhook one letter after the other; to a queue all lanes of a partition together. The forwarder looks at its own
heartbeat before each send.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from consumers import las
from hub import faults
from hub.domain.delivery import IN_LANE, Status
from hub.domain.outcome import Delivered
from hub.envelopes import forwarded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from consumers.duo import Queues
    from consumers.las import Webhooks
    from consumers.places import Places
    from consumers.turn import Turn
    from hub.domain.outcome import Outcome
    from hub.envelopes import Letterhead
    from hub.heartbeat import Heartbeat
    from hub.store.lanes import Letter

TURN_SECONDS: Final = 0.25
OPEN_LONG_SECONDS: Final = 0.2


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
            if at - since > OPEN_LONG_SECONDS
        ]


class Carrier:
    """Carries turns; knows how to write a message and where it goes."""

    def __init__(
        self,
        *,
        head: Letterhead,
        places: Places,
        heart: Heartbeat,
        queues: Queues,
        webhooks: Webhooks,
        requests: OpenRequests,
    ) -> None:
        self._head = head
        self._places = places
        self._heart = heart
        self._queues = queues
        self._webhooks = webhooks
        self._requests = requests

    def enter_epoch(self, number: int) -> None:
        """Write from now on in which epoch of the ledger messages are sent: it rises when the hub was restored."""
        self._head = replace(self._head, ledger_epoch=number)

    async def to_webhook(self, turn: Turn, letters: Sequence[Letter]) -> None:
        """Post one lane's letters in order, until one fails or the turn has lasted long enough."""
        lane = (turn.lease.destination, turn.lease.brin)
        ends = time.monotonic() + TURN_SECONDS
        for letter in letters:
            if turn.passes_over(letter):
                continue
            target = turn.place.target
            at = self._places.now()
            if target is None or self._is_lost(turn) or time.monotonic() > ends or not target.permits(at):
                return
            self._requests.begin(lane)
            faults.here("las.posting")
            try:
                outcome = await self._post(target, turn, letter, at)
            finally:
                self._requests.end(lane)
            faults.here("las.answered")
            await turn.note(letter, outcome, self._places, at)
            faults.here("las.noted")
            if turn.is_over:
                return

    def _is_lost(self, turn: Turn) -> bool:
        return self._heart.is_late or turn.life != self._heart.life

    async def _post(self, target: las.Target, turn: Turn, letter: Letter, at: datetime) -> Outcome:
        message = las.Message(
            id=str(letter.message.id),
            body=forwarded(letter.message, turn.sent, self._head),
            traceparent=letter.message.traceparent,
        )
        return await self._webhooks.send(target, message, at)

    async def to_queue(self, topic: str, partition: int, turns: Sequence[tuple[Turn, Sequence[Letter]]]) -> None:
        """Send all letters of these lanes to one partition, and note what the broker took of each lane, in order."""
        async with self._queues.gate(topic, partition):
            mine = [(turn, letters) for turn, letters in turns if not self._is_lost(turn)]
            at = self._places.now()
            bodies = [list(self._written(turn, letters)) for turn, letters in mine]
            records = [
                (turn.lease.brin, body)
                for (turn, _), written in zip(mine, bodies, strict=True)
                for body in written
                if body is not None
            ]
            faults.here("duo.sending")
            outcomes = iter(await self._queues.send(topic, partition, records) if records else [])
            faults.here("duo.taken")
            for (turn, letters), written in zip(mine, bodies, strict=True):
                for letter, body in zip(letters, written, strict=True):
                    await self._note(turn, letter, next(outcomes) if body is not None else None, at)
            faults.here("duo.noted")

    async def _note(self, turn: Turn, letter: Letter, outcome: Outcome | None, at: datetime) -> None:
        if turn.is_over:
            return
        if outcome is None:
            turn.passes_over(letter)
            return
        await turn.note(letter, outcome, self._places, at)
        turn.is_over = not isinstance(outcome, Delivered)

    def _written(self, turn: Turn, letters: Sequence[Letter]) -> Iterator[bytes | None]:
        previous = turn.sent
        for letter in letters:
            yield forwarded(letter.message, previous, self._head) if letter.status in IN_LANE else None
            if letter.status is not Status.CANCELLED:
                previous = letter.message.sequence
