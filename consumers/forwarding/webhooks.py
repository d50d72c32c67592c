"""The endpoints of systems. In: subscriptions, read each second. Out: an endpoint per destination.

An endpoint says where to post, with which secrets and keys to sign, and how much the receiver allows now. Next:
`hub.outbound.webhook` sends, and decides what an answer means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from hub.clock import now
from hub.domain.bucket import TokenBucket, per_minute
from hub.operations.keys import signing_keys
from hub.outbound.handshake import origin_of
from hub.outbound.webhook import WebhookSender
from hub.store import subscriptions
from hub.store.notifications import notify
from hub.store.pool import DATABASE_ERRORS
from hub.subscribe import disable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from hub.domain.receiver import Receiver
    from hub.settings import Settings
    from hub.store.pool import Pool

UNLIMITED: Final = 2**31
GONE_REASON: Final = "the receiver answered 410 Gone"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A receiver, the sender it gets messages from, and how often it may get one."""

    receiver: Receiver
    sender: WebhookSender
    retry_schedule: tuple[int, ...]
    bucket: TokenBucket | None = None

    def permits(self, at: datetime) -> int:
        """Return how many messages may be sent at this moment."""
        return UNLIMITED if self.bucket is None else self.bucket.room(at.timestamp())

    def count(self, at: datetime) -> None:
        """Count a message that is sent at this moment."""
        if self.bucket is not None:
            self.bucket.take(at.timestamp())


class Webhooks:
    """The endpoints of all systems, as one forwarder sees them."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self._keys = settings.secrets.keys
        self._pool = pool
        self._origin = origin_of(settings.http.address)
        self._schedule = settings.webhook.retry_schedule
        self._buckets: dict[UUID, TokenBucket] = {}
        if not self._keys:
            log.warning("webhooks.sealed", next="set OSR_HUB_SECRETS__KEYS")

    async def endpoints(self) -> Mapping[int, Endpoint]:
        """Read the endpoint of every destination whose subscription is active; none without keys to open secrets."""
        if not self._keys:
            return {}
        async with self._pool.acquire() as c:
            receivers = await subscriptions.targets(c, self._keys)
            if not receivers:
                return {}
            sender = WebhookSender(origin=self._origin, keys=await signing_keys(c, self._keys, now()))
            sharing = await subscriptions.forwarders(c) if any(r.allowed_rate for r in receivers.values()) else 1
        return {destination: self._endpoint(r, sender, sharing) for destination, r in receivers.items()}

    async def disable(self, destination: int, at: datetime) -> None:
        """Disable the subscription of a receiver that wants no more messages: its lanes wait."""
        try:
            async with self._pool.acquire() as c:
                if await disable(c, destination, GONE_REASON, at):
                    log.warning("subscription.disabled", destination=destination, reason=GONE_REASON)
                    await notify(c, "destinations")
        except DATABASE_ERRORS as error:
            log.warning(
                "subscription.not_disabled", destination=destination, error=str(error), next="again at the next 410"
            )

    def _endpoint(self, receiver: Receiver, sender: WebhookSender, sharing: int) -> Endpoint:
        return Endpoint(
            receiver=receiver,
            sender=sender,
            retry_schedule=receiver.retry_schedule or self._schedule,
            bucket=self._bucket(receiver.subscription_id, receiver.allowed_rate, sharing),
        )

    def _bucket(self, subscription: UUID, allowed_rate: int | None, sharing: int) -> TokenBucket | None:
        if allowed_rate is None:
            return None
        allowance = per_minute(allowed_rate / sharing)
        bucket = self._buckets.get(subscription)
        if bucket is None:
            bucket = self._buckets[subscription] = TokenBucket(allowance)
        bucket.change(allowance)
        return bucket
