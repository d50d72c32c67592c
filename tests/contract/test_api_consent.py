"""The consent of a receiver, as callers of `/v1/subscriptions` see it: what is asked, what counts, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api.subscribing import ORIGIN, consents, make_api, subscribed, subscription_request
from tests.support.receivers.receiver import Receiver, receiver, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client


@pytest.fixture
async def las() -> AsyncIterator[Receiver]:
    """Run a receiver that consents."""
    async with receiver(consents) as it:
        yield it


@pytest.fixture
async def api(tmp_path: Path, pool: Pool) -> Client:
    """Make the API over a register with two systems."""
    return await make_api(tmp_path, pool)


async def test_without_a_wish_for_a_rate_none_is_asked_for_and_none_kept(api: Client, las: Receiver) -> None:
    """What the receiver says of a rate then means nothing."""
    assert (await subscribed(api, las))["allowedRatePerMinute"] is None
    assert "webhook-request-rate" not in las.got[0].headers


@pytest.mark.parametrize("rate", [600, None])
async def test_consent_to_everyone_at_any_rate_is_consent(api: Client, las: Receiver, rate: int | None) -> None:
    """`*` for the origin, and `*` for the rate, which is then no limit; the status says nothing."""
    las.answer = lambda _: reply(405, webhook_allowed_origin="*", webhook_allowed_rate="*")
    assert (await subscribed(api, las, requestedRatePerMinute=rate))["allowedRatePerMinute"] is None


@pytest.mark.parametrize(
    ("answer", "rate"),
    [
        (reply(200), None),
        (reply(204, webhook_allowed_origin=""), None),
        (reply(200, webhook_allowed_origin="other.test"), None),
        (reply(200, webhook_allowed_origin="hub.test.evil.example"), None),
        (reply(302, location="http://127.0.0.1/"), None),
        (reply(200, webhook_allowed_origin=ORIGIN), 600),
        (reply(200, webhook_allowed_origin=ORIGIN, webhook_allowed_rate="0"), 600),
        (reply(200, webhook_allowed_origin=ORIGIN, webhook_allowed_rate="-1"), 600),
        (reply(200, webhook_allowed_origin=ORIGIN, webhook_allowed_rate="many"), 600),
        (reply(200, webhook_allowed_origin=ORIGIN, webhook_allowed_rate="9" * 5000), 600),
    ],
)
async def test_anything_less_is_a_refusal(api: Client, las: Receiver, answer: bytes, rate: int | None) -> None:
    """A friendly status without the headers, another name, a rate that is none; nothing is stored."""
    las.answer = lambda _: answer
    refused = await api.post("/v1/subscriptions", subscription_request(las, requestedRatePerMinute=rate))
    assert (refused.status, refused.json["code"]) == (400, "handshake_refused")
    assert [(fault["field"], fault["code"]) for fault in refused.json["errors"]] == [("/url", "handshake_refused")]
    assert (await api.get("/v1/subscriptions")).json["items"] == []


async def test_a_receiver_that_is_not_there_is_unreachable(api: Client, las: Receiver) -> None:
    """No answer in the time allowed is no consent."""
    las.answer = lambda _: None
    refused = await api.post("/v1/subscriptions", subscription_request(las))
    assert (refused.status, refused.json["code"]) == (400, "unreachable")


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.1/hook", "http://192.168.1.1/", "https://[::ffff:127.0.0.1]/", "https://u:p@127.0.0.1/", "no"],
)
async def test_an_address_inside_is_not_allowed(api: Client, url: str) -> None:
    """The guard stands before the handshake."""
    refused = await api.post("/v1/subscriptions", {"url": url, "services": ["VVA"]})
    assert (refused.status, refused.json["code"]) == (400, "address_not_allowed")


async def test_a_second_subscription_is_a_conflict_before_anyone_is_asked(api: Client, las: Receiver) -> None:
    """At most one that is not deleted per supplier."""
    await subscribed(api, las)
    las.got.clear()
    answer = await api.post("/v1/subscriptions", subscription_request(las))
    assert (answer.status, answer.json["code"]) == (409, "already_subscribed")
    assert las.got == []


async def test_a_new_address_needs_consent_again(api: Client, las: Receiver) -> None:
    """A PATCH of the address shakes hands there; without If-Match it is 428, with a stale one 412."""
    made = await subscribed(api, las)
    path = f"/v1/subscriptions/{made['id']}"
    async with receiver(lambda _: reply(200)) as silent:
        assert (await api.call("PATCH", path, {"url": silent.url})).status == 428
        stale = await api.call("PATCH", path, {"url": silent.url}, headers={"If-Match": '"7"'})
        assert stale.status == 412
        assert silent.got == []
        refused = await api.call("PATCH", path, {"url": silent.url}, headers={"If-Match": '"1"'})
        assert (refused.status, refused.json["code"]) == (400, "handshake_refused")
    async with receiver(consents) as elsewhere:
        changed = await api.call("PATCH", path, {"url": elsewhere.url}, headers={"If-Match": '"1"'})
        assert (changed.status, changed.headers["etag"], changed.json["url"]) == (200, '"2"', elsewhere.url)
        assert [got.method for got in elsewhere.got] == ["OPTIONS"]
