"""Carries messages to the webhooks of systems. In: a message for a target. Out: what became of it.

All it knows of a target comes from the database, each second: address, secrets, and how much the receiver allows. What
an answer means is decided in `hub.outbound.webhook`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from hub.clock import now
from hub.outbound.handshake import origin_of
from hub.outbound.webhook import WebhookMessage, WebhookSender, deliver
from hub.store import keys, subscriptions
from hub.store.notifications import notify
from hub.subscribe import disable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from hub.domain.outcome import Outcome
    from hub.domain.receiver import Receiver
    from hub.outbound import Outbound
    from hub.settings import Settings
    from hub.store.pool import Pool

__all__ = ["Endpoint", "RateGate", "WebhookMessage", "Webhooks"]

MINUTE: Final = 60
UNLIMITED: Final = 2**31
GONE_REASON: Final = "the receiver answered 410 Gone"
log = structlog.get_logger(__name__)


class RateGate:
    """How much may be sent to one receiver: in no minute more than `rate`, and at most a second's worth at once.

    What was sent without asking is a debt that is waited for.
    """

    def __init__(self, rate: float) -> None:
        self._left = float("inf")
        self._at: datetime | None = None
        self.change(rate)

    def change(self, rate: float) -> None:
        """Allow so much from now on; what is owed stays owed."""
        self.rate = rate
        self._most = max(1.0, rate // MINUTE)
        self._per_second = (rate - self._most + 1) / MINUTE
        self._left = min(self._left, self._most)

    def room(self, at: datetime) -> int:
        """Say how many messages may go at this moment."""
        self._refill(at)
        return max(0, int(self._left))

    def take(self, at: datetime) -> None:
        """Count one that goes."""
        self._refill(at)
        self._left -= 1

    def seconds_to_wait(self, at: datetime) -> float:
        """Say how long until one more may go; 0 when it may now."""
        self._refill(at)
        return max(0.0, (1 - self._left) / self._per_second)

    def _refill(self, at: datetime) -> None:
        if self._at is not None:
            passed = max(0.0, (at - self._at).total_seconds())
            self._left = min(self._most, self._left + passed * self._per_second)
        self._at = at


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A receiver, and what may be sent to it."""

    receiver: Receiver
    retry_schedule: tuple[int, ...]
    gate: RateGate | None = None

    def permits(self, at: datetime) -> int:
        """Say how many messages may go at this moment."""
        return UNLIMITED if self.gate is None else self.gate.room(at)


class Webhooks:
    """The webhooks of all systems, as one forwarder sees them."""

    def __init__(self, outbound: Outbound, settings: Settings, pool: Pool) -> None:
        self._outbound = outbound
        self._keys = settings.secrets.keys
        self._pool = pool
        self._origin = origin_of(settings.http.address)
        self._schedule = settings.webhook.retry_schedule
        self._sender = WebhookSender(origin=self._origin)
        self._gates: dict[UUID, RateGate] = {}
        if not self._keys:
            log.warning("webhooks.sealed", next="set OSR_HUB_SECRETS__KEYS; until then nothing goes to webhooks")

    async def targets(self) -> Mapping[int, Endpoint]:
        """Read the target of every destination whose subscription is active."""
        if not self._keys:
            return {}
        async with self._pool.acquire() as c:
            receivers = await subscriptions.targets(c, self._keys)
            if receivers:
                self._sender = WebhookSender(origin=self._origin, keys=await keys.valid_keys(c, self._keys, now()))
            sharing = await subscriptions.forwarders(c) if any(r.allowed_rate for r in receivers.values()) else 1
        return {destination: self._target(receiver, sharing) for destination, receiver in receivers.items()}

    async def send(self, endpoint: Endpoint, message: WebhookMessage, at: datetime) -> Outcome:
        """Sign and send one message, and say what became of it; never raises for what networks and receivers do."""
        if endpoint.gate is not None:
            endpoint.gate.take(at)
        return await deliver(self._outbound, endpoint.receiver, message, self._sender, at)

    async def disable(self, destination: int, at: datetime) -> None:
        """Send nothing more to a receiver that wants nothing any more: what it must hear waits."""
        async with self._pool.acquire() as c:
            if await disable(c, destination, GONE_REASON, at):
                log.warning("subscription.disabled", destination=destination, reason=GONE_REASON)
                await notify(c, "destinations")

    def _target(self, receiver: Receiver, sharing: int) -> Endpoint:
        schedule = receiver.retry_schedule or self._schedule
        if receiver.allowed_rate is None:
            return Endpoint(receiver=receiver, retry_schedule=schedule)
        rate = receiver.allowed_rate / sharing
        gate = self._gates.get(receiver.subscription_id)
        if gate is None:
            gate = self._gates[receiver.subscription_id] = RateGate(rate)
        if gate.rate != rate:
            gate.change(rate)
        return Endpoint(receiver=receiver, retry_schedule=schedule, gate=gate)
