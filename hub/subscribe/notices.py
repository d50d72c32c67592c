"""Notices to suppliers: find what they should hear, write it once, and send it. In: the clock. Out: rows, and POSTs.

A notice is written in the transaction of its cause where there is one (a subscription is disabled, a circuit opens);
`watch` finds the others, and whatever was missed, and ends those whose cause is over. `send_next` is at its best: a few
attempts, each claimed before it is made, so that a process that dies repeats one at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from cryptography import x509

from hub.domain.delivery import Delivered
from hub.domain.notice import CERTIFICATE_AHEAD, RaisedCause
from hub.domain.receiver import Receiver
from hub.errors import ConfigurationError
from hub.operations.keys import signing_keys
from hub.outbound.handshake import origin_of
from hub.outbound.webhook import WebhookMessage, WebhookSender, deliver
from hub.sealing import unseal
from hub.store import notices, subscriptions
from schemas.cloudevents import DATA_CONTENT_TYPE, SPECVERSION, encode, event_source, write_time
from schemas.documents import SUBSCRIPTION_NOTICE, dataschema
from schemas.kinds import EventType, NoticeCause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from hub.domain.subscription import Subscription
    from hub.outbound import Outbound
    from hub.settings import Settings
    from hub.store.keys import Keys
    from hub.store.notices import Notice
    from hub.store.pool import Connection, Pool

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeToSend:
    """A claimed notice, whom it goes to, and who signs it."""

    notice: Notice
    receiver: Receiver
    message: WebhookMessage
    sender: WebhookSender


async def note_misconfigured(c: Connection, destination: int, since: datetime, error: str | None) -> None:
    """Write the notice of a circuit that opens because everything is refused, in the transaction that opens it."""
    subscription = await notices.subscription_behind(c, destination)
    if subscription is not None:
        cause = RaisedCause(subscription_id=subscription, cause=NoticeCause.MISCONFIGURED, since=since, detail=error)
        await notices.add(c, [cause], since)


async def note_disabled(c: Connection, subscription: UUID, reason: str, now: datetime) -> None:
    """Write the notice of a subscription that the hub disables, in that transaction."""
    cause = RaisedCause(subscription_id=subscription, cause=NoticeCause.DISABLED, since=now, detail=reason)
    await notices.add(c, [cause], now)


async def watch(c: Connection, keys: Keys, now: datetime) -> None:
    """Write the notices of all causes that are there and have none, and end those whose cause is over."""
    async with c.transaction(isolation="repeatable_read"):
        expiring = _expiring(await notices.sealed_certificates(c), keys, now)
        causes = [*await notices.read_causes(c, now), *expiring]
        ended = await notices.end_others(c, causes, now)
        written = await notices.add(c, causes, now)
    if written or ended:
        log.info("notices.written", written=written, ended=ended)


async def send_next(pool: Pool, outbound: Outbound, settings: Settings, now: datetime) -> bool:
    """Send the next notice that is due, if any; return whether there was one."""
    async with pool.acquire() as c:
        prepared = await _prepare(c, settings, now)
    if prepared is None:
        return False
    outcome = await deliver(outbound, prepared.receiver, prepared.message, prepared.sender, now)
    is_sent, error = isinstance(outcome, Delivered), None if isinstance(outcome, Delivered) else outcome.error
    async with pool.acquire() as c:
        await notices.record(c, prepared.notice.id, outcome.at if is_sent else None, error)
    told = log.info if is_sent else log.warning
    told("notice.sent" if is_sent else "notice.not_sent", notice=str(prepared.notice.id), error=error)
    return True


async def _prepare(c: Connection, settings: Settings, now: datetime) -> NoticeToSend | None:
    notice = await notices.claim(c)
    found = None if notice is None else await subscriptions.find(c, notice.subscription_id)
    if notice is None or found is None or found.options.notice_url is None:
        return None
    sealed, sealing = found.options.client_certificate, settings.sealing_keys
    return NoticeToSend(
        notice=notice,
        receiver=Receiver(
            subscription_id=found.id,
            url=found.options.notice_url,
            secrets=await subscriptions.secrets(c, found.id, sealing, now),
            identity=unseal(sealed, sealing) if sealed else None,
            signatures=found.options.signatures,
        ),
        message=_message(notice, found, settings),
        sender=WebhookSender(origin=origin_of(settings.http.address), keys=await signing_keys(c, sealing, now)),
    )


def _message(notice: Notice, subscription: Subscription, settings: Settings) -> WebhookMessage:
    attributes = {
        "specversion": SPECVERSION,
        "id": str(notice.id),
        "source": event_source(settings.oin),
        "type": EventType.SUBSCRIPTION_NOTICE.value,
        "subject": str(subscription.id),
        "time": write_time(notice.created_at),
        "datacontenttype": DATA_CONTENT_TYPE,
        "dataschema": dataschema(settings.http.address, SUBSCRIPTION_NOTICE),
    }
    data = {
        "subscriptionId": str(subscription.id),
        "supplierOin": subscription.supplier_oin,
        "systemCode": subscription.system_code,
        "destination": subscription.destination,
        "cause": notice.cause.value,
        "detail": notice.detail,
        "since": write_time(notice.since),
    }
    return WebhookMessage(id=str(notice.id), body=encode(attributes, data))


def _expiring(sealed: Mapping[UUID, bytes], keys: Keys, now: datetime) -> Iterator[RaisedCause]:
    for subscription, content in sealed.items():
        try:
            ends = min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(unseal(content, keys)))
        except (ConfigurationError, ValueError) as error:  # `osr-hub doctor` names what no key opens
            log.debug("notice.unreadable_certificate", subscription=str(subscription), error=str(error))
            continue
        if ends < now + CERTIFICATE_AHEAD:
            yield RaisedCause(subscription_id=subscription, cause=NoticeCause.CERTIFICATE_EXPIRES, since=ends)
