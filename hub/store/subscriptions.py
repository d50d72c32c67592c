"""Subscriptions of systems, their secrets, and the webhooks that forwarders send to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import structlog

from hub.domain.planning import DestinationRef
from hub.domain.receiver import Receiver
from hub.domain.subscription import SignatureKind, Subscription, SubscriptionOptions, SubscriptionStatus
from hub.errors import ConfigurationError
from hub.sealing import unseal
from hub.store.processes import DEAD_AFTER_SECONDS
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.store.keys import Keys
    from hub.store.pool import Connection

log = structlog.get_logger(__name__)


async def insert(c: Connection, subscription: Subscription) -> None:
    """Store a new subscription; a second one of a system violates `subscriptions_one_per_system`."""
    await queries.insert_subscription(
        c,
        **_columns(subscription.options),
        id=subscription.id,
        oin=subscription.supplier_oin,
        system_code=subscription.system_code,
        allowed_rate=subscription.allowed_rate,
        now=subscription.created_at,
    )


async def read_all(c: Connection, system_code: str | None = None) -> list[Subscription]:
    """Read the subscriptions that are not deleted, of one system or of all."""
    return [_subscription(row) for row in await queries.read_subscriptions(c, system_code=system_code)]


async def find(c: Connection, subscription: UUID) -> Subscription | None:
    """Read one that is not deleted."""
    row = await queries.read_subscription(c, id=subscription)
    return _subscription(row) if row else None


async def lock(c: Connection, subscription: UUID) -> Subscription | None:
    """Read one that is not deleted and keep others from changing it."""
    row = await queries.lock_subscription(c, id=subscription)
    return _subscription(row) if row else None


async def is_first(c: Connection, system_code: str) -> bool:
    """Return whether the subscription just stored is the system's first."""
    return cast("int", await queries.count_subscriptions(c, system_code=system_code)) == 1


async def change(
    c: Connection, subscription: UUID, options: SubscriptionOptions, allowed_rate: int | None, now: datetime
) -> None:
    """Write what its owner asks for from now on."""
    await queries.change_subscription(c, **_columns(options), id=subscription, allowed_rate=allowed_rate, now=now)


async def set_status(
    c: Connection, subscription: UUID, status: SubscriptionStatus, reason: str | None, now: datetime
) -> None:
    """Activate, pause, disable or delete it."""
    await queries.set_subscription_status(c, id=subscription, status=status.value, reason=reason, now=now)


async def disable(c: Connection, destination: int, reason: str, now: datetime) -> UUID | None:
    """Disable the subscription behind a destination and say which; None when it was not active any more."""
    return cast("UUID | None", await queries.disable_subscription(c, destination=destination, reason=reason, now=now))


async def add_secret(c: Connection, subscription: UUID, sealed: bytes, now: datetime) -> None:
    """Add a secret that signs."""
    await queries.insert_secret(c, id=subscription, sealed=sealed, now=now)


async def end_secrets(c: Connection, subscription: UUID, until: datetime, now: datetime) -> int:
    """End the current secrets at `until`, delete those that ended, and return how many still sign."""
    await queries.set_secrets_end(c, id=subscription, until=until)
    await queries.delete_ended_secrets(c, id=subscription, now=now)
    return len(await queries.read_valid_secrets(c, id=subscription, now=now))


async def delete_secrets(c: Connection, subscription: UUID) -> None:
    """Delete all its secrets."""
    await queries.delete_secrets(c, id=subscription)


async def secrets(c: Connection, subscription: UUID, keys: Keys, now: datetime) -> tuple[bytes, ...]:
    """Read the secrets that sign at this moment, newest first."""
    return tuple(unseal(row["sealed"], keys) for row in await queries.read_valid_secrets(c, id=subscription, now=now))


async def targets(c: Connection, keys: Keys) -> dict[int, Receiver]:
    """Read the receiver of every destination whose subscription is active; one that no key opens is left out."""
    return dict(_receivers(await queries.read_receivers(c), keys))


async def forwarders(c: Connection) -> int:
    """Count the forwarders that live: they share the rate that a receiver allows."""
    return max(1, cast("int", await queries.count_forwarders(c, seconds=DEAD_AFTER_SECONDS)))


async def destinations(c: Connection, system_code: str) -> dict[str, DestinationRef]:
    """Read a system's destinations by kind: `las` and `las-copy`."""
    rows = await queries.read_system_destinations(c, system_code=system_code)
    return {row["kind"]: DestinationRef(id=row["id"], name=row["name"]) for row in rows}


def _columns(options: SubscriptionOptions) -> dict[str, Any]:
    return {
        "url": options.url,
        "services": list(options.services),
        "types": list(options.types),
        "processing_results": options.processing_results,
        "reports": options.reports,
        "requested_rate": options.requested_rate,
        "retry_schedule": list(options.retry_schedule) if options.retry_schedule else None,
        "client_certificate": options.client_certificate,
        "signatures": list(options.signatures),
        "notice_url": options.notice_url,
    }


def _subscription(row: Mapping[str, Any]) -> Subscription:
    schedule = row["retry_schedule"]
    return Subscription(
        id=row["id"],
        supplier_oin=row["supplier_oin"],
        system_code=row["system_code"],
        options=SubscriptionOptions(
            url=row["url"],
            services=tuple(row["services"]),
            types=tuple(row["types"]),
            processing_results=row["processing_results"],
            reports=row["reports"],
            requested_rate=row["requested_rate"],
            retry_schedule=tuple(schedule) if schedule else None,
            client_certificate=row["client_certificate"],
            signatures=tuple(map(SignatureKind, row["signatures"])),
            notice_url=row["notice_url"],
        ),
        allowed_rate=row["allowed_rate"],
        status=SubscriptionStatus(row["status"]),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _receivers(rows: Sequence[Mapping[str, Any]], keys: Keys) -> Iterator[tuple[int, Receiver]]:
    for row in rows:
        try:
            yield row["destination"], _receiver(row, keys)
        except ConfigurationError as error:
            log.error("subscription.closed", subscription=str(row["id"]), error=str(error))  # noqa: TRY400 - its words say all


def _receiver(row: Mapping[str, Any], keys: Keys) -> Receiver:
    identity, schedule = row["client_certificate"], row["retry_schedule"]
    return Receiver(
        subscription_id=row["id"],
        url=row["url"],
        secrets=tuple(unseal(sealed, keys) for sealed in row["secrets"]),
        retry_schedule=tuple(schedule) if schedule else None,
        allowed_rate=row["allowed_rate"],
        identity=unseal(identity, keys) if identity else None,
        signatures=tuple(map(SignatureKind, row["signatures"])),
    )
