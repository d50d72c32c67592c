"""The life of a subscription: made, changed, paused, disabled, active again, gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import asyncpg

from hub.domain import signing
from hub.domain.ids import new_id
from hub.domain.reasons import SUBSCRIPTION_DELETED
from hub.domain.subscription import Subscription, SubscriptionOptions, SubscriptionStatus
from hub.errors import Conflict
from hub.sealing import seal
from hub.store import lanes, subscriptions
from hub.store.people import SystemActor
from hub.subscribe.audit import write_entry
from hub.subscribe.backlog import cancel_backlog, replace_backlog
from hub.subscribe.notices import note_disabled

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from hub.store.keys import Keys
    from hub.store.pool import Connection

MAX_SECRETS: Final = 5
NEEDS_CONSENT: Final = frozenset({"url", "requested_rate_per_minute", "client_certificate"})
ALREADY_SUBSCRIBED: Final = "this system has a subscription; change that one, or delete it first"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedRequest:
    """New options of a subscription, with the rate that the receiver allows."""

    options: SubscriptionOptions
    allowed_rate: int | None
    system_code: str = ""
    """The system that subscribes; its supplier's OIN when left out."""


async def subscribe(
    c: Connection, oin: str, wanted: AgreedRequest, keys: Keys, now: datetime
) -> tuple[Subscription, bytes]:
    """Store the subscription of a supplier's system and return it with its secret, which is shown only once.

    The first that a system ever has replaces what waited by the current state; with a later one its lanes go on.
    Raises `Conflict` `already_subscribed` when it has one.
    """
    made = Subscription(
        id=new_id(now),
        supplier_oin=oin,
        system_code=wanted.system_code,
        options=wanted.options,
        allowed_rate=wanted.allowed_rate,
        status=SubscriptionStatus.ACTIVE,
        version=1,
        created_at=now,
        updated_at=now,
    )
    try:
        await subscriptions.insert(c, made)
    except asyncpg.UniqueViolationError:
        raise Conflict("already_subscribed", ALREADY_SUBSCRIBED) from None
    secret = await _add_secret(c, made.id, keys, now)
    destinations = await subscriptions.destinations(c, made.system_code)
    if await subscriptions.is_first(c, made.system_code):
        await replace_backlog(c, made, destinations["las"], now)
    await lanes.make_due(c, [each.id for each in destinations.values()])
    return made, secret


async def check_free(c: Connection, system_code: str) -> None:
    """Raise `Conflict` `already_subscribed` when a system has a subscription, before its receiver is asked at all."""
    if await subscriptions.read_all(c, system_code):
        raise Conflict("already_subscribed", ALREADY_SUBSCRIBED)


async def change(c: Connection, subscription: Subscription, to: AgreedRequest, now: datetime) -> Subscription:
    """Write new options of a locked subscription."""
    await subscriptions.change(c, subscription.id, to.options, to.allowed_rate, now)
    return replace(
        subscription,
        options=to.options,
        allowed_rate=to.allowed_rate,
        version=subscription.version + 1,
        updated_at=now,
    )


async def pause(c: Connection, subscription: Subscription, now: datetime) -> Subscription:
    """Pause a subscription: its obligatory deliveries wait; a disabled one stays disabled."""
    if subscription.status is not SubscriptionStatus.ACTIVE:
        return subscription
    return await _set_status(c, subscription, SubscriptionStatus.PAUSED, None, now)


async def activate(c: Connection, subscription: Subscription, now: datetime) -> Subscription:
    """Activate a subscription: its lanes are due, and go on in order."""
    if subscription.status is SubscriptionStatus.ACTIVE:
        return subscription
    destinations = await subscriptions.destinations(c, subscription.system_code)
    await lanes.make_due(c, [each.id for each in destinations.values()])
    return await _set_status(c, subscription, SubscriptionStatus.ACTIVE, None, now)


async def disable(c: Connection, destination: int, reason: str, now: datetime) -> bool:
    """Disable the subscription of a destination; return False when it already is."""
    async with c.transaction():
        found = await subscriptions.disable(c, destination, reason, now)
        after = None if found is None else await subscriptions.find(c, found)
        if after is None:
            return False
        before = replace(after, status=SubscriptionStatus.ACTIVE)
        await note_disabled(c, after.id, reason, now)
        await write_entry(c, "disabled", SystemActor.HUB, (before, after), now, because=reason)
    return True


async def remove(c: Connection, subscription: Subscription, now: datetime) -> Subscription:
    """Delete a subscription: cancel its copies, delete its secrets; obligatory deliveries wait for the next one."""
    after = await _set_status(c, subscription, SubscriptionStatus.DELETED, None, now)
    await subscriptions.delete_secrets(c, subscription.id)
    copies = (await subscriptions.destinations(c, subscription.system_code)).get("las-copy")
    if copies is not None:
        await cancel_backlog(c, copies.id, SUBSCRIPTION_DELETED, now)
    return after


async def rotate(
    c: Connection, subscription: Subscription, grace: timedelta, keys: Keys, now: datetime
) -> tuple[bytes, datetime]:
    """Make a new secret; those before it sign until the moment that is returned with it.

    Raises `Conflict` `too_many_secrets` when as many as a message can bear still sign.
    """
    until = now + grace
    if await subscriptions.end_secrets(c, subscription.id, until, now) >= MAX_SECRETS:
        detail = f"{MAX_SECRETS} earlier secrets still sign; wait until one ends"
        raise Conflict("too_many_secrets", detail)
    return await _add_secret(c, subscription.id, keys, now), until


async def _add_secret(c: Connection, subscription: UUID, keys: Keys, now: datetime) -> bytes:
    secret = signing.new_secret()
    await subscriptions.add_secret(c, subscription, seal(secret, keys), now)
    return secret


async def _set_status(
    c: Connection, subscription: Subscription, status: SubscriptionStatus, reason: str | None, now: datetime
) -> Subscription:
    await subscriptions.set_status(c, subscription.id, status, reason, now)
    return replace(subscription, status=status, version=subscription.version + 1, updated_at=now)
