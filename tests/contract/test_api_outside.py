"""Calls that wait for a receiver: meanwhile they hold no connection, and one supplier has room for few of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Role
from tests.support.api.client import client_of
from tests.support.api.subscribing import consents, make_api, subscribed, subscription_request
from tests.support.receivers.receiver import Receiver, receiver
from tests.support.register.subscriptions import LAS, OTHER, make_register
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

KEYED = {"Idempotency-Key": "once"}


@pytest.fixture
async def las() -> AsyncIterator[Receiver]:
    """Run a receiver that consents."""
    async with receiver(consents) as it:
        yield it


@pytest.fixture
async def api(tmp_path: Path, pool: Pool) -> Client:
    """Make the API over a register with two systems."""
    return await make_api(tmp_path, pool)


@pytest.mark.parametrize("key", [{}, KEYED], ids=["plain", "keyed"])
@pytest.mark.parametrize("action", ["subscribe", "test", "patch", "resume"])
async def test_who_waits_for_a_receiver_holds_no_connection(
    api: Client, las: Receiver, pool: Pool, action: str, key: dict[str, str]
) -> None:
    """While a receiver is silent every connection of the pool is free."""
    made = {} if action == "subscribe" else await subscribed(api, las)
    if action == "resume":
        await pool.execute("update subscriptions set status = 'disabled'")
    las.answer = lambda _: None
    las.arrived.clear()
    call = asyncio.create_task(_call(api, las, action, made.get("id"), key))
    await las.arrived.wait()
    while pool.get_idle_size() < pool.get_size():  # what was done before may still be told to forwarders
        assert not call.done(), "a connection was held until the receiver answered"
        await asyncio.sleep(0.01)
    await call


async def test_silent_receivers_leave_the_api_and_readiness_alone(tmp_path: Path, pool: Pool) -> None:
    """More handshakes with a key than there are connections, and other calls are answered meanwhile."""
    async with pool.acquire() as c:
        await make_register(c)
    api = client_of(
        tmp_path, pool, SECRETS__KEYS=new_key(), WEBHOOK__ALLOWED_NETWORKS="127.0.0.0/8",
        LIMITS__RECEIVER_CALLS_AT_ONCE="20", LIMITS__KEYED_AT_ONCE="20", LIMITS__AT_ONCE="20",
        WEBHOOK__TIMEOUT_SECONDS="60",
    ).as_caller(Role.LAS, oin=LAS)  # fmt: skip
    async with receiver(lambda _: None) as silent:
        body = subscription_request(silent)
        keys = [{"Idempotency-Key": str(n)} for n in range(pool.get_max_size() + 4)]
        calls = [asyncio.create_task(api.post("/v1/subscriptions", body, headers=key)) for key in keys]
        while len(silent.got) < len(calls):
            silent.arrived.clear()
            await silent.arrived.wait()

        assert (await api.get("/health/ready")).status == 200
        assert (await api.get("/v1/services")).status == 200
        assert (await api.post("/v1/subscriptions", body, headers=keys[0])).json["code"] == "idempotency_key_in_use"
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_a_supplier_has_few_handshakes_at_once(api: Client, las: Receiver) -> None:
    """A third one is refused in words, of others none is."""
    las.answer = lambda _: None
    calls = [asyncio.create_task(api.post("/v1/subscriptions", subscription_request(las))) for _ in range(2)]
    while len(las.got) < 2:
        las.arrived.clear()
        await las.arrived.wait()
    refused = await api.post("/v1/subscriptions", subscription_request(las))
    las.answer = consents
    other = await api.as_caller(Role.LAS, oin=OTHER).post("/v1/subscriptions", subscription_request(las))

    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert "2 handshakes or test messages of this caller are in progress" in refused.json["detail"]
    assert other.status == 201
    await asyncio.gather(*calls)


async def test_a_supplier_has_so_many_handshakes_a_minute(tmp_path: Path, api: Client, las: Receiver) -> None:
    """Handshakes and test messages count together; other calls go on."""
    limited = client_of(
        tmp_path, api.app.state.shared.open_pool, SECRETS__KEYS=new_key(),  # type: ignore[attr-defined]
        WEBHOOK__ALLOWED_NETWORKS="127.0.0.0/8", LIMITS__RECEIVER_CALLS_PER_MINUTE="2",
    ).as_caller(Role.LAS, oin=LAS)  # fmt: skip
    made = await subscribed(limited, las)
    path = f"/v1/subscriptions/{made['id']}"
    assert (await limited.post(f"{path}/test")).status == 200
    refused = await limited.post(f"{path}/test")

    assert (refused.status, refused.headers["retry-after"]) == (429, "30")
    assert "too many handshakes or test messages" in refused.json["detail"]
    assert (await limited.get(path)).status == 200


async def test_a_secret_is_answered_again_to_its_own_supplier_only(api: Client, las: Receiver) -> None:
    """The answer that holds the secret comes back for the same supplier, and never for another."""
    first = await api.post("/v1/subscriptions", subscription_request(las), headers=KEYED)
    again = await api.post("/v1/subscriptions", subscription_request(las), headers=KEYED)
    other = await api.as_caller(Role.LAS, oin=OTHER).post("/v1/subscriptions", subscription_request(las), headers=KEYED)

    assert (first.status, again.status, other.status) == (201, 201, 201)
    assert again.json["secret"] == first.json["secret"] != other.json["secret"]
    assert len(las.got) == 2


async def _call(api: Client, las: Receiver, action: str, subscription: str | None, key: dict[str, str]) -> Any:
    path = f"/v1/subscriptions/{subscription}"
    match action:
        case "subscribe":
            return await api.post("/v1/subscriptions", subscription_request(las), headers=key)
        case "patch":
            etag = (await api.get(path)).headers["etag"]
            return await api.call("PATCH", path, {"url": f"{las.url}/new"}, headers={"If-Match": etag} | key)
        case _:
            return await api.post(f"{path}/{action}", headers=key)
