"""The bodies of subscriptions. In: a subscription as it is stored. Out: what the API answers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.domain.signing import format_secret
from hub.domain.subscription import SignatureKind, Subscription, SubscriptionStatus
from hub.sealing import unseal
from hub.store.keys import Keys
from hub.store.notices import Notice
from hub.views.models import CamelModel, Moment
from schemas.identifiers import OinField
from schemas.kinds import NoticeCause


class SubscriptionBody(CamelModel):
    """A subscription."""

    id: UUID
    supplier_oin: OinField
    system_code: str
    destination: str
    url: str
    services: list[str]
    types: list[str]
    processing_results: bool
    reports: bool
    requested_rate_per_minute: int | None
    allowed_rate_per_minute: int | None
    """What the receiver agreed to; null: no limit."""
    retry_schedule: list[int] | None
    client_certificate: str | None
    """The certificate that the hub shows there, without its key."""
    signatures: list[SignatureKind]
    notice_url: str | None
    status: SubscriptionStatus
    created_at: Moment
    updated_at: Moment


class NoticeBody(CamelModel):
    """A notice about a subscription: `endedAt` when its cause was over, `sentAt` when the supplier took it."""

    id: UUID
    cause: NoticeCause
    detail: str
    since: Moment
    created_at: Moment
    ended_at: Moment | None
    attempts: int
    sent_at: Moment | None
    error: str | None


class SubscriptionDetailBody(SubscriptionBody):
    """A subscription with the newest notices about it, newest first."""

    notices: list[NoticeBody]


class NewSubscriptionBody(SubscriptionBody):
    """A new subscription, with the secret that is shown only here."""

    secret: str


class RotationBody(CamelModel):
    """The new secret, shown only here."""

    secret: str
    previous_valid_until: Moment


class TrialBody(CamelModel):
    """What became of a test message."""

    outcome: str
    http_status: int | None
    duration_ms: int
    error: str | None


class KeyBody(CamelModel):
    """The public half of a key that the hub signs with (`v1a`)."""

    id: str
    algorithm: str
    public_key: str
    created_at: Moment
    retired_at: Moment | None


def show_subscription(subscription: Subscription, keys: Keys) -> SubscriptionBody:
    """Return the body of a subscription."""
    return SubscriptionBody(**_shown(subscription, keys))


def show_subscription_detail(
    subscription: Subscription, notices: Sequence[Notice], keys: Keys
) -> SubscriptionDetailBody:
    """Return the body of a subscription with notices about it."""
    shown = [NoticeBody.model_validate(notice) for notice in notices]
    return SubscriptionDetailBody(**_shown(subscription, keys), notices=shown)


def show_new_subscription(subscription: Subscription, secret: bytes, keys: Keys) -> NewSubscriptionBody:
    """Return the body of a new subscription, with its secret."""
    return NewSubscriptionBody(**_shown(subscription, keys), secret=format_secret(secret))


def _shown(subscription: Subscription, keys: Keys) -> dict[str, Any]:
    options = subscription.options
    return {
        "id": subscription.id,
        "supplier_oin": subscription.supplier_oin,
        "system_code": subscription.system_code,
        "destination": subscription.destination,
        "url": options.url,
        "services": list(options.services),
        "types": list(options.types),
        "processing_results": options.processing_results,
        "reports": options.reports,
        "requested_rate_per_minute": options.requested_rate,
        "allowed_rate_per_minute": subscription.allowed_rate,
        "retry_schedule": list(options.retry_schedule) if options.retry_schedule else None,
        "client_certificate": _public_part(options.client_certificate, keys),
        "signatures": list(options.signatures),
        "notice_url": options.notice_url,
        "status": subscription.status,
        "created_at": subscription.created_at,
        "updated_at": subscription.updated_at,
    }


def _public_part(sealed: bytes | None, keys: Keys) -> str | None:
    if sealed is None:
        return None
    certificates = x509.load_pem_x509_certificates(unseal(sealed, keys))
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)
