"""Audit entries of subscriptions. In: one before and after a change, and the actor. Out: an entry; never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hub.store import audit
from hub.store.audit import AuditEntry, changed_fields

if TYPE_CHECKING:
    from datetime import datetime

    from hub.domain.subscription import Subscription
    from hub.store.pool import Connection


async def write_entry(
    c: Connection,
    action: str,
    actor: str,
    change: tuple[Subscription | None, Subscription],
    now: datetime,
    **more: Any,  # noqa: ANN401 - what else is to be known of it
) -> None:
    """Write the entry of a change, in the transaction of the change; `change` is the subscription before and after."""
    before, after = change
    was, is_now = changed_fields(None if before is None else _facts(before), _facts(after))
    subject = {"subscriptionId": after.id, "supplierOin": after.supplier_oin, "systemCode": after.system_code} | more
    await audit.write(
        c,
        AuditEntry(
            at=now,
            actor=actor,
            action=f"subscription.{action}",
            subject=subject,
            before=was,
            after=is_now,
        ),
    )


def _facts(subscription: Subscription) -> dict[str, Any]:
    options = subscription.options
    return {
        "url": _without_secrets(options.url),
        "services": list(options.services),
        "types": list(options.types),
        "processingResults": options.processing_results,
        "reports": options.reports,
        "requestedRatePerMinute": options.requested_rate,
        "allowedRatePerMinute": subscription.allowed_rate,
        "retrySchedule": None if options.retry_schedule is None else list(options.retry_schedule),
        "signatures": [str(kind) for kind in options.signatures],
        "noticeUrl": None if options.notice_url is None else _without_secrets(options.notice_url),
        "hasClientCertificate": options.client_certificate is not None,
        "status": subscription.status.value,
    }


def _without_secrets(url: str) -> str:
    """Return a URL without the parts that often hold a secret: user, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(
        netloc=parts.netloc.rpartition("@")[2], query="…" if parts.query else "", fragment=""
    ).geturl()
