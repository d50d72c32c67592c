"""Send a test message to a receiver. In: a subscription. Out: the receiver's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from hub.domain.delivery import Delivered, Gone, NotAttempted, Outcome, Refused, RetryLater
from hub.domain.ids import new_id
from hub.domain.receiver import Receiver
from hub.operations.keys import signing_keys
from hub.outbound.answers import Answered, OwnFault
from hub.outbound.handshake import origin_of, own_fault
from hub.outbound.webhook import WebhookMessage, WebhookSender, classify, post
from hub.sealing import unseal
from hub.store import subscriptions
from schemas.cloudevents import DATA_CONTENT_TYPE, SPECVERSION, encode, event_source, write_time

if TYPE_CHECKING:
    from datetime import datetime

    from hub.domain.subscription import Subscription
    from hub.outbound import Outbound
    from hub.settings import Settings
    from hub.store.pool import Connection

TEST_TYPE: Final = "nl.osr.subscription.test.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A test message, ready to be sent."""

    receiver: Receiver
    message: WebhookMessage
    sender: WebhookSender


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """The outcome of a test message: delivered, retry, refused or gone."""

    outcome: str
    http_status: int | None
    duration_ms: int
    error: str | None


async def prepare(c: Connection, subscription: Subscription, settings: Settings, now: datetime) -> Trial:
    """Read the receiver and the keys, and make the message."""
    sealed, sealing = subscription.options.client_certificate, settings.sealing_keys
    return Trial(
        receiver=Receiver(
            subscription_id=subscription.id,
            url=subscription.options.url,
            secrets=await subscriptions.secrets(c, subscription.id, sealing, now),
            identity=unseal(sealed, sealing) if sealed else None,
            signatures=subscription.options.signatures,
        ),
        message=_message(subscription, settings, now),
        sender=WebhookSender(origin=origin_of(settings.http.address), keys=await signing_keys(c, sealing, now)),
    )


async def send(outbound: Outbound, trial: Trial, now: datetime) -> TrialResult:
    """Send the test message once; raise `Unavailable` when the hub itself cannot send."""
    answer = await post(outbound, trial.receiver, trial.message, trial.sender, now)
    if isinstance(answer, OwnFault):
        raise own_fault(answer)
    outcome = classify(answer, now)
    return TrialResult(
        outcome=_outcome_name(outcome),
        http_status=answer.status if isinstance(answer, Answered) else None,
        duration_ms=answer.duration_ms,
        error=None if isinstance(outcome, Delivered) else outcome.error,
    )


def _message(subscription: Subscription, settings: Settings, now: datetime) -> WebhookMessage:
    message_id = str(new_id(now))
    attributes = {
        "specversion": SPECVERSION,
        "id": message_id,
        "source": event_source(settings.oin),
        "type": TEST_TYPE,
        "time": write_time(now),
        "datacontenttype": DATA_CONTENT_TYPE,
    }
    return WebhookMessage(id=message_id, body=encode(attributes, {"subscriptionId": str(subscription.id)}))


def _outcome_name(outcome: Outcome) -> str:
    match outcome:
        case Delivered():
            return "delivered"
        case RetryLater():
            return "retry"
        case Refused():
            return "refused"
        case Gone():
            return "gone"
        case NotAttempted():
            return "not_attempted"
        case _:
            assert_never(outcome)
