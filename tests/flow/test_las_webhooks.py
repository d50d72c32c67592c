"""Webhook requests to a real receiver: signatures, outcomes and endpoints."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook, WebhookVerificationError

from consumers.forwarding.webhooks import Endpoint, Webhooks
from hub.domain import signing
from hub.domain.delivery import Delivered, Gone, Refused, RetryLater
from hub.domain.subscription import SignatureKind
from hub.outbound import Outbound
from hub.outbound.webhook import WebhookMessage, deliver
from hub.settings import Settings, load
from hub.store import keys
from hub.store.wakeups import Listener
from schemas.cloudevents import encode
from tests.support.receivers.receiver import receiver, reply
from tests.support.register.subscriptions import KEYS, LAS, NOW, make_register, subscribed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.domain.delivery import Outcome
    from hub.store.pool import Connection, Pool
    from tests.support.receivers.receiver import Receiver

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENT = encode({"specversion": "1.0", "id": "0190-1", "source": "urn:x", "type": "nl.osr.mandate.granted.v1"}, {"a": 1})
MESSAGE = WebhookMessage(id="0190-1", body=EVENT, traceparent=TRACE)


@pytest.fixture
def settings(database: str) -> Settings:
    """Make settings that allow receivers on loopback."""
    return load(
        {
            "OSR_HUB_DATABASE__DSN": database,
            "OSR_HUB_OIN": "00000099000000009000",
            "OSR_HUB_HTTP__PUBLIC_URL": "https://hub.test:8443",
            "OSR_HUB_SECRETS__KEYS": KEYS[0].get_secret_value(),
            "OSR_HUB_WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8",
            "OSR_HUB_WEBHOOK__TIMEOUT_SECONDS": "1",
        }
    )


@pytest.fixture
async def las() -> AsyncIterator[Receiver]:
    """Run a receiver that takes everything."""
    async with receiver() as it:
        yield it


@pytest.fixture
async def outbound(settings: Settings) -> AsyncIterator[Outbound]:
    """Open the HTTP client of a forwarder."""
    async with Outbound(settings.webhook) as out:
        yield out


@pytest.fixture
async def webhooks(settings: Settings, pool: Pool) -> Webhooks:
    """Make the webhooks of a forwarder over a register with two systems."""
    async with pool.acquire() as c:
        await make_register(c)
    return Webhooks(settings, pool)


async def send(outbound: Outbound, to: Endpoint, at: datetime) -> Outcome:
    """Send the message to an endpoint as the dispatcher does."""
    to.count(at)
    return await deliver(outbound, to.receiver, MESSAGE, to.sender, at)


async def target(webhooks: Webhooks, c: Connection, url: str, **differs: Any) -> tuple[Endpoint, bytes]:
    """Subscribe a system and give its target."""
    _, secret = await subscribed(c, url=url, **differs)
    return next(iter((await webhooks.endpoints()).values())), secret


async def test_the_official_libraries_take_a_message_for_what_it_is(
    webhooks: Webhooks, outbound: Outbound, connection: Connection, las: Receiver
) -> None:
    """Standard Webhooks verifies a message, and CloudEvents parses it with sender and trace."""
    to, secret = await target(webhooks, connection, las.url, signatures=tuple(SignatureKind))
    at = datetime.now(UTC)
    outcome = await send(outbound, to, at)
    assert isinstance(outcome, Delivered)
    assert at <= outcome.at <= at + timedelta(seconds=1)
    got = las.got[0]
    assert got.body == EVENT
    assert Webhook(signing.format_secret(secret)).verify(got.body, got.headers)["id"] == "0190-1"
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.format_secret(signing.new_secret())).verify(got.body, got.headers)
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert got.headers["webhook-request-origin"] == "hub.test"
    assert got.headers["traceparent"] == TRACE
    public = (await keys.valid_keys(connection, KEYS, NOW))[0].public_key()
    signing.verify(got.headers, got.body, at, public_key=public)


async def test_a_message_is_a_cloud_event_to_the_official_library(
    webhooks: Webhooks, outbound: Outbound, connection: Connection, las: Receiver
) -> None:
    """The official library parses a message in structured mode."""
    to, _ = await target(webhooks, connection, las.url)
    await send(outbound, to, datetime.now(UTC))
    event = from_http_event(HTTPMessage(headers=las.got[0].headers, body=las.got[0].body))
    assert (event.get_id(), event.get_data()) == ("0190-1", {"a": 1})


@pytest.mark.parametrize(
    ("answer", "kind", "status", "after"),
    [
        (reply(202), Delivered, 202, None),
        (reply(302, location="http://127.0.0.1/"), Refused, 302, None),
        (reply(404), Refused, 404, None),
        (reply(410), Gone, 410, None),
        (reply(429, retry_after="30"), RetryLater, 429, 30.0),
        (reply(500), RetryLater, 500, None),
        (reply(503, retry_after="99999999"), RetryLater, 503, 86400.0),
        (None, RetryLater, None, None),
        (b"nonsense\r\n\r\n", RetryLater, None, None),
    ],
)
async def test_what_a_receiver_answers_is_an_outcome(  # noqa: PLR0913, PLR0917 - a row of the table and its parts
    webhooks: Webhooks,
    outbound: Outbound,
    connection: Connection,
    las: Receiver,
    answer: bytes | None,
    kind: type[object],
    status: int | None,
    after: float | None,
) -> None:
    """Each answer becomes an outcome, whose error shows neither address nor secret."""
    las.answer = lambda _: answer
    to, secret = await target(webhooks, connection, f"{las.url}?key=hidden")
    outcome = await send(outbound, to, NOW)
    assert type(outcome) is kind
    assert getattr(outcome, "http_status", None) == status
    assert getattr(outcome, "after", None) == after
    error = getattr(outcome, "error", "")
    assert "hidden" not in error
    assert signing.format_secret(secret) not in error


async def test_a_paused_system_has_no_target(webhooks: Webhooks, connection: Connection) -> None:
    """And one that comes back has it again, with the hub's schedule where it asked for none."""
    to, _ = await target(webhooks, connection, "https://las.example/")
    assert to.retry_schedule == (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    await connection.execute("update subscriptions set status = 'paused'")
    assert await webhooks.endpoints() == {}
    await connection.execute("update subscriptions set status = 'active', retry_schedule = '{1,2}'")
    assert {t.retry_schedule for t in (await webhooks.endpoints()).values()} == {(1, 2)}


async def test_a_rate_is_kept_through_reloads_and_shared_by_both_lanes(
    webhooks: Webhooks, outbound: Outbound, connection: Connection, las: Receiver
) -> None:
    """What was sent counts after the next look at the database, whichever lane it went by."""
    await target(webhooks, connection, las.url)
    await connection.execute("update subscriptions set allowed_rate = 60")
    one, other = (await webhooks.endpoints()).values()
    at = datetime.now(UTC)
    assert (one.permits(at), other.permits(at)) == (1, 1)
    await send(outbound, one, at)
    assert [t.permits(at) for t in (await webhooks.endpoints()).values()] == [0, 0]
    assert other.permits(at + timedelta(seconds=1.1)) == 1


async def test_a_receiver_that_is_gone_is_disabled_and_the_others_hear_of_it(
    webhooks: Webhooks, connection: Connection, database: str
) -> None:
    """Disabling a subscription notifies all forwarders."""
    await target(webhooks, connection, "https://las.example/")
    destination = next(iter(await webhooks.endpoints()))
    async with Listener(database, "destinations") as ear:
        await ear.wait()
        await webhooks.disable(destination, NOW)
        await asyncio.wait_for(ear.wait(60), 10)
    row = await connection.fetchrow("select status, status_reason, supplier_oin from subscriptions")
    assert row is not None
    assert tuple(row) == ("disabled", "the receiver answered 410 Gone", LAS)


async def test_without_keys_nothing_goes_and_nothing_breaks(settings: Settings, pool: Pool) -> None:
    """Without keys webhooks are not sent to, and DUO's queues are."""
    bare = settings.model_copy(update={"secrets": settings.secrets.model_copy(update={"keys": ()})})
    assert await Webhooks(bare, pool).endpoints() == {}
