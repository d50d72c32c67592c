"""The hub as a receiver meets it during a qualification. In: messages. Out: signed requests, and the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.domain.receiver import Receiver
from hub.domain.signing import new_secret
from hub.domain.subscription import SignatureKind
from hub.outbound import Unreachable
from hub.outbound.webhook import WebhookSender, make_headers, post
from hub.qualify.messages import InventedMandate
from hub.qualify.verdicts import RuleResult, judge_refused, judge_taken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.clock import Clock
    from hub.outbound import Answer, Outbound
    from hub.outbound.webhook import WebhookMessage

NOW: Final = timedelta(0)
SIGNATURE_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass(slots=True, kw_only=True)
class Counterpart:
    """Sends messages to one receiver; remembers the slowest answer and whether a message was taken.

    `secret` is None where nobody gave it: then `stranger` signs, which no receiver knows.
    """

    outbound: Outbound
    url: str
    origin: str
    clock: Clock
    secret: bytes | None
    seconds: float
    stranger: bytes = field(default_factory=new_secret)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    mandate: InventedMandate = field(init=False)
    slowest_ms: int = 0
    is_late: bool = False
    has_taken: bool = False

    def __post_init__(self) -> None:
        self.mandate = InventedMandate(self.clock())

    @property
    def known(self) -> tuple[bytes, ...]:
        """The secrets that the receiver knows."""
        return (self.secret or self.stranger,)

    async def expect_taken(
        self,
        message: WebhookMessage,
        secrets: Sequence[bytes] | None = None,
        keys: Sequence[Ed25519PrivateKey] = (),
    ) -> RuleResult:
        """Send a message that the receiver must take."""
        at = self.clock()
        return judge_taken(await self._send(message, secrets or self.known, keys, at), at)

    async def expect_refused(
        self, message: WebhookMessage, secrets: Sequence[bytes] | None = None, signed_ago: timedelta = NOW
    ) -> RuleResult:
        """Send a request that the receiver must refuse."""
        at = self.clock() - signed_ago
        return judge_refused(await self._send(message, secrets or self.known, (), at), at)

    async def expect_altered_refused(self, message: WebhookMessage, body: bytes, *, is_signed: bool) -> RuleResult:
        """Send another body than the one that was signed, or no signature at all; the receiver must refuse it."""
        at = self.clock()
        headers = make_headers(self._receiver(self.known, ()), message, WebhookSender(origin=self.origin), at)
        kept = {name: value for name, value in headers.items() if is_signed or name not in SIGNATURE_HEADERS}
        answer = await self.outbound.post(self.url, kept, body)
        self.see(answer)
        return judge_refused(answer, at)

    def see(self, answer: Answer) -> None:
        """Remember how long an answer took."""
        self.slowest_ms = max(self.slowest_ms, answer.duration_ms)
        self.is_late |= isinstance(answer, Unreachable) and answer.duration_ms >= self.seconds * 1000

    async def _send(
        self, message: WebhookMessage, secrets: Sequence[bytes], keys: Sequence[Ed25519PrivateKey], at: datetime
    ) -> Answer:
        to, sender = self._receiver(secrets, keys), WebhookSender(origin=self.origin, keys=keys)
        answer = await post(self.outbound, to, message, sender, at)
        self.see(answer)
        return answer

    def _receiver(self, secrets: Sequence[bytes], keys: Sequence[Ed25519PrivateKey]) -> Receiver:
        kinds = (SignatureKind.V1, SignatureKind.V1A) if keys else (SignatureKind.V1,)
        return Receiver(subscription_id=UUID(int=0), url=self.url, secrets=tuple(secrets), signatures=kinds)
