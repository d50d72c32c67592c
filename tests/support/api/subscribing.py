"""Subscribing over HTTP, for tests: an API over a register with two systems, and a receiver that consents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.access import Role
from tests.support.api.client import Client, client_of
from tests.support.receivers.receiver import ReceivedRequest, Receiver, reply
from tests.support.register.subscriptions import LAS, make_register
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool

ORIGIN = "hub.test"


def consents(got: ReceivedRequest) -> bytes:
    """Consent to the hub at 120 messages a minute, and accept every message."""
    if got.method == "OPTIONS":
        return reply(200, webhook_allowed_origin=ORIGIN, webhook_allowed_rate="120")
    return reply(204)


async def make_api(folder: Path, pool: Pool) -> Client:
    """Return a client of an API with two systems, for a caller who is one of them."""
    async with pool.acquire() as c:
        await make_register(c)
    settings = {"SECRETS__KEYS": new_key(), "WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK__TIMEOUT_SECONDS": "1"}
    return client_of(folder, pool, **settings).as_caller(Role.LAS, oin=LAS)


def subscription_request(las: Receiver, **differs: Any) -> dict[str, Any]:
    """Return the body of a request for a subscription."""
    return {"url": las.url, "services": ["VVA"]} | differs


async def subscribed(api: Client, las: Receiver, **differs: Any) -> dict[str, Any]:
    """Subscribe and return the body of the response."""
    answer = await api.post("/v1/subscriptions", subscription_request(las, **differs))
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.json
    return body
