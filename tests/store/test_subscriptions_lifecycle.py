"""Changes of a subscription on a real database: secrets, pauses, endpoints, keys."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from pydantic import SecretStr

from hub import subscribe
from hub.domain.subscription import Subscription, SubscriptionStatus
from hub.errors import Conflict
from hub.operations.keys import signing_keys
from hub.store import keys, processes, subscriptions
from tests.support.register.subscriptions import (
    KEYS,
    LAS,
    NOW,
    OTHER,
    grant,
    make_register,
    plan_all,
    removed,
    subscribed,
    subscription_request,
)
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from hub.store.pool import Connection

DAY = timedelta(days=1)


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """A register."""
    await make_register(connection)
    return connection


async def pause(c: Connection, subscription: Subscription) -> Subscription:
    """Pause in a transaction of its own."""
    async with c.transaction():
        return await subscribe.pause(c, subscription, NOW)


async def test_a_subscription_is_read_as_it_was_wished(c: Connection) -> None:
    """Every field is stored and read back."""
    wanted = subscription_request(
        types=("nl.osr.mandate.*",),
        processing_results=True,
        reports=False,
        requested_rate=600,
        retry_schedule=(1, 2, 3),
        client_certificate=b"sealed",
    )
    async with c.transaction():
        made, _ = await subscribe.subscribe(
            c, LAS, subscribe.AgreedRequest(options=wanted, allowed_rate=120), KEYS, NOW
        )
    assert await subscriptions.find(c, made.id) == made
    assert await subscriptions.read_all(c) == [made]
    assert await subscriptions.read_all(c, OTHER) == []
    assert (made.destination, made.version, made.allowed_rate) == (f"las:{LAS}", 1, 120)


async def test_a_change_raises_the_version(c: Connection) -> None:
    """A change stores the new fields with the allowed rate and raises the version."""
    made, _ = await subscribed(c)
    to = subscribe.AgreedRequest(options=subscription_request(url="https://las.example/other"), allowed_rate=60)
    async with c.transaction():
        changed = await subscribe.change(c, made, to, NOW + DAY)
    assert await subscriptions.find(c, made.id) == changed
    assert (changed.version, changed.options.url, changed.allowed_rate) == (2, "https://las.example/other", 60)


async def test_a_secret_is_sealed_and_every_valid_one_signs(c: Connection) -> None:
    """Secrets are stored encrypted; during a rotation both sign, the new one first."""
    made, first = await subscribed(c)
    async with c.transaction():
        second, until = await subscribe.rotate(c, made, DAY, KEYS, NOW)
    assert until == NOW + DAY
    assert await subscriptions.secrets(c, made.id, KEYS, NOW) == (second, first)
    assert await subscriptions.secrets(c, made.id, KEYS, NOW + DAY) == (second,)
    for sealed in await c.fetch("select sealed from subscription_secrets"):
        assert first not in sealed["sealed"]
        assert second not in sealed["sealed"]


async def test_secrets_that_still_sign_are_few(c: Connection) -> None:
    """The number of valid secrets is bounded; an ended one makes room."""
    made, _ = await subscribed(c)
    for _ in range(4):
        async with c.transaction():
            await subscribe.rotate(c, made, DAY, KEYS, NOW)
    with pytest.raises(Conflict) as caught:
        async with c.transaction():
            await subscribe.rotate(c, made, DAY, KEYS, NOW)
    assert caught.value.reason == "too_many_secrets"
    async with c.transaction():
        await subscribe.rotate(c, made, DAY, KEYS, NOW + 2 * DAY)


async def test_a_rotation_without_grace_leaves_one_secret(c: Connection) -> None:
    """A rotation without grace ends the old secret at once."""
    made, _ = await subscribed(c)
    async with c.transaction():
        second, _ = await subscribe.rotate(c, made, timedelta(), KEYS, NOW)
    assert await subscriptions.secrets(c, made.id, KEYS, NOW) == (second,)


async def test_an_active_subscription_is_the_target_of_both_its_lanes(c: Connection) -> None:
    """An active subscription is the endpoint of its webhook and its copies; a paused or disabled one is none."""
    made, secret = await subscribed(c, retry_schedule=(5, 6))
    targets = await subscriptions.targets(c, KEYS)
    places = await subscriptions.destinations(c, LAS)
    assert set(targets) == {places["las"].id, places["las-copy"].id}
    receiver = targets[places["las"].id]
    assert receiver == targets[places["las-copy"].id]
    assert (receiver.subscription_id, receiver.url, receiver.secrets) == (made.id, made.options.url, (secret,))
    assert (receiver.retry_schedule, receiver.allowed_rate, receiver.identity) == ((5, 6), None, None)
    assert "secret" not in repr(receiver)
    paused = await pause(c, made)
    assert paused.status is SubscriptionStatus.PAUSED
    assert await subscriptions.targets(c, KEYS) == {}


async def test_a_subscription_that_no_key_opens_stops_no_other(c: Connection) -> None:
    """A subscription that cannot be decrypted is logged and left out; others are sent to."""
    await subscribed(c, LAS)
    await subscribed(c, OTHER)
    await c.execute(
        "update subscription_secrets set sealed = 'x' where id = (select min(id) from subscription_secrets)"
    )
    receivers = (await subscriptions.targets(c, KEYS)).values()
    assert len(receivers) == 2
    assert await subscriptions.targets(c, (SecretStr(new_key()),)) == {}


async def test_an_active_again_subscription_finds_its_lanes_due(c: Connection) -> None:
    """Reactivation makes the waiting lanes due, except held ones."""
    made, _ = await subscribed(c)
    await grant(c)
    await plan_all(c)
    paused = await pause(c, made)
    await c.execute("update lanes set due = now() + interval '1 hour'")
    async with c.transaction():
        active = await subscribe.activate(c, paused, NOW)
    assert active.status is SubscriptionStatus.ACTIVE
    assert await c.fetchval("select due <= clock_timestamp() from lanes")
    await c.execute("update lanes set held = true, due = null")
    async with c.transaction():
        await subscribe.activate(c, await subscribe.pause(c, active, NOW), NOW)
    assert await c.fetchval("select due from lanes") is None


async def test_pausing_twice_and_activating_twice_change_nothing(c: Connection) -> None:
    """Repeating a pause or an activation does not raise the version."""
    made, _ = await subscribed(c)
    paused = await pause(c, made)
    assert await pause(c, paused) == paused
    async with c.transaction():
        active = await subscribe.activate(c, paused, NOW)
        assert await subscribe.activate(c, active, NOW) == active
    assert active.version == 3


async def test_a_receiver_that_is_gone_is_disabled_once(c: Connection) -> None:
    """An answer of 410 in either lane disables the subscription once; unpausing does not activate it."""
    made, _ = await subscribed(c)
    places = await subscriptions.destinations(c, LAS)
    assert await subscribe.disable(c, places["las-copy"].id, "410", NOW)
    assert not await subscribe.disable(c, places["las"].id, "410", NOW)
    found = await subscriptions.find(c, made.id)
    assert found is not None
    assert found.status is SubscriptionStatus.DISABLED
    assert await subscribe.pause(c, found, NOW) == found
    assert await subscriptions.targets(c, KEYS) == {}


async def test_a_deleted_subscription_is_not_found(c: Connection) -> None:
    """A deleted subscription is not found, but its row stays."""
    made, _ = await subscribed(c)
    await removed(c, made.id)
    assert await subscriptions.find(c, made.id) is None
    assert await subscriptions.read_all(c) == []
    assert await c.fetchval("select status from subscriptions") == "deleted"


async def test_forwarders_that_live_share_a_rate(c: Connection) -> None:
    """Forwarders with a heartbeat share the rate; there is at least one."""
    assert await subscriptions.forwarders(c) == 1
    for _ in range(3):
        await processes.enter(c, "forward")
    await processes.enter(c, "plan")
    assert await subscriptions.forwarders(c) == 3
    await c.execute("update processes set heartbeat_at = now() - interval '5 seconds' where id = 1")
    assert await subscriptions.forwarders(c) == 2


async def test_a_signing_key_is_made_once_and_kept_sealed(database: str, c: Connection) -> None:
    """Of ten processes that need one at once, one makes it; all sign with it, and anyone may have its public half."""

    async def ask() -> bytes:
        mine = await asyncpg.connect(database)
        try:
            return (await signing_keys(mine, KEYS, NOW))[0].private_bytes_raw()
        finally:
            await mine.close()

    private = set(await asyncio.gather(*(ask() for _ in range(10))))
    assert len(private) == 1
    public = await keys.public_keys(c)
    assert len(public) == 1
    assert public[0].text.startswith("whpk_")
    assert private.pop() not in await c.fetchval("select sealed from signing_keys")
    noted = await c.fetch("select actor, action from audit")
    assert [tuple(entry) for entry in noted] == [("hub", "key.created")]
