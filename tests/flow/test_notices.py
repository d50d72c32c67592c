"""Notices to suppliers: written with their cause, once until it ends, sent signed with a few attempts."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from standardwebhooks import Webhook

from consumers.forwarding import notices as chore
from consumers.forwarding.destinations import Destinations
from hub import subscribe
from hub.clock import LedgerClock
from hub.domain.circuit import CircuitOpened
from hub.domain.retention import RetentionPeriods, cutoffs
from hub.domain.signing import format_secret
from hub.operations.retention import RetentionRun, apply
from hub.outbound import Outbound
from hub.sealing import seal
from hub.store import notices as store
from hub.store import observe
from hub.store.people import SystemActor
from hub.subscribe import notices
from schemas.published import make_document
from tests.support.lanes.forwarding import forwarder, settings_for
from tests.support.receivers.receiver import ReceivedRequest, receiver, reply
from tests.support.register.subscriptions import (
    KEYS,
    LAS,
    destination_id,
    grant,
    make_register,
    plan_all,
    subscribed,
)

if TYPE_CHECKING:
    from uuid import UUID

    from hub.store.pool import Connection, Pool

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
HOOK, NOTICE = "/hook", "/notices"


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Make a register with two systems."""
    await make_register(connection)
    return connection


async def now(c: Connection) -> datetime:
    """Read the clock that the chore reads."""
    return await observe.database_clock(c)


async def watch(c: Connection, after: timedelta = timedelta()) -> list[tuple[str, bool]]:
    """Look for causes, so much later, and return all notices in order: cause, and whether it is over."""
    await notices.watch(c, KEYS, await now(c) + after)
    rows = await c.fetch("select cause, ended_at is not null as over from subscription_notices order by created_at, id")
    return [(row["cause"], row["over"]) for row in rows]


async def disabled(c: Connection, **differs: Any) -> UUID:
    """Subscribe, and let the receiver answer 410 once."""
    made, _ = await subscribed(c, **differs)
    assert await subscribe.disable(c, await destination_id(c, f"las:{LAS}"), "the receiver answered 410", await now(c))
    return made.id


async def test_a_receiver_that_is_gone_is_disabled_and_its_supplier_hears_of_it(
    c: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook answers 410; the notice arrives at the other address, signed, as the schema says, and is recorded."""
    monkeypatch.setattr(chore, "LOOK_SECONDS", 0.05)
    arrived = asyncio.Event()

    def answer(got: ReceivedRequest) -> bytes:
        if got.target == NOTICE:
            arrived.set()
        return reply(204 if got.target == NOTICE else 410)

    async with receiver(answer) as las:
        made, secret = await subscribed(c, url=las.url, notice_url=las.url.replace(HOOK, NOTICE))
        await grant(c)
        await plan_all(c)
        await c.execute("update deliveries set planned_at = clock_timestamp()")
        async with forwarder(settings_for(database)):
            await asyncio.wait_for(arrived.wait(), 60)
    (sent,) = [got for got in las.got if got.target == NOTICE]
    event = Webhook(format_secret(secret)).verify(sent.body, sent.headers)
    Draft202012Validator(make_document("notice-event.v1.json")).validate(event)
    assert (event["type"], event["subject"]) == ("nl.osr.subscription.notice.v1", str(made.id))
    assert (event["data"]["cause"], event["data"]["destination"]) == ("disabled", f"las:{LAS}")
    assert "the receiver answered 410 Gone" in event["data"]["detail"]
    (notice,) = await store.newest(c, made.id, 10)
    assert (str(notice.id), notice.attempts, notice.error) == (event["id"], 1, None)
    assert notice.sent_at is not None


async def test_a_notice_is_written_in_the_transaction_of_its_cause(c: Connection, pool: Pool) -> None:
    """A subscription that is not disabled after all has no notice; a circuit that opens for refusals has one."""
    transaction = c.transaction()
    await transaction.start()
    subscription = await disabled(c)
    assert [each.cause for each in await store.newest(c, subscription, 10)] == ["disabled"]
    await transaction.rollback()
    assert await store.newest(c, subscription, 10) == []
    made, _ = await subscribed(c)
    known = Destinations(pool, LedgerClock())
    await known.refresh({})
    las, at = known[await destination_id(c, f"las:{LAS}")], await now(c)
    opened = CircuitOpened(
        since=at, probe_at=at + timedelta(minutes=1), cause="misconfigured", error="401 Unauthorized"
    )
    await known.open_circuit(las, opened)
    (notice,) = await store.newest(c, made.id, 10)
    assert (notice.cause, notice.since) == ("misconfigured", at)
    assert "401 Unauthorized" in notice.detail
    assert await watch(c) == [("misconfigured", False)]
    await known.close_circuit(las)
    assert await watch(c) == [("misconfigured", True)]


async def test_a_cause_has_one_notice_until_it_ends_and_one_an_hour_at_most(c: Connection) -> None:
    """Looking again writes none; what is over and comes back within the hour is told once the hour has passed."""
    subscription = await disabled(c)
    assert await watch(c) == await watch(c) == [("disabled", False)]
    await c.execute("update subscriptions set status = 'active' where id = $1", subscription)
    assert await watch(c) == [("disabled", True)]
    await c.execute("update subscriptions set status = 'disabled' where id = $1", subscription)
    assert await watch(c) == [("disabled", True)]
    assert await watch(c, timedelta(minutes=61)) == [("disabled", True), ("disabled", False)]


async def test_messages_that_wait_for_an_hour_are_told(c: Connection) -> None:
    """Whatever keeps them, but for an operator's hold; it is over when the oldest has gone."""
    await subscribed(c)
    await grant(c)
    await plan_all(c)
    await c.execute("update deliveries set planned_at = clock_timestamp() - interval '59 minutes'")
    assert await watch(c) == []
    assert await watch(c, timedelta(minutes=2)) == [("waiting", False)]
    await c.execute("update lanes set held = true, due = null")
    assert await watch(c, timedelta(minutes=3)) == [("waiting", True)]


async def test_a_secret_and_a_certificate_that_run_out_are_told(c: Connection) -> None:
    """In the last hours of an earlier secret, and in the last month of the certificate that the hub shows."""
    at = await now(c)
    await subscribed(c, client_certificate=seal(certificate(at + timedelta(days=29)), KEYS))
    await c.execute("update subscription_secrets set valid_until = $1", at + timedelta(hours=7))
    assert await watch(c) == [("certificate_expires", False)]
    assert await watch(c, timedelta(hours=2)) == [("certificate_expires", False), ("secret_expires", False)]
    assert await watch(c, timedelta(hours=8)) == [("certificate_expires", False), ("secret_expires", True)]


def certificate(until: datetime) -> bytes:
    """Make a certificate that is valid until a moment, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(until - timedelta(days=365)).not_valid_after(until).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    return made.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Sending:
    """Sends notices to a receiver, one look after the other; time passes when told."""

    def __init__(self, c: Connection, pool: Pool, database: str, outbound: Outbound) -> None:
        self.c, self._pool, self._settings, self._outbound = c, pool, settings_for(database), outbound

    async def look(self) -> bool:
        """Send the next notice that is due."""
        return await notices.send_next(self._pool, self._outbound, self._settings, await now(self.c))

    async def let_pass(self) -> None:
        """Let the wait for the next attempt pass."""
        await self.c.execute("update subscription_notices set next_at = clock_timestamp() where next_at is not null")


async def test_an_address_that_answers_no_gets_four_attempts(c: Connection, pool: Pool, database: str) -> None:
    """Each after a longer wait; then it is left, with what went wrong, and is told no more."""
    async with receiver(lambda _: reply(503)) as las, Outbound(settings_for(database).webhook) as outbound:
        subscription = await disabled(c, notice_url=las.url)
        sending = Sending(c, pool, database, outbound)
        for attempt in range(1, 5):
            assert await sending.look()
            assert not await sending.look()
            (notice,) = await store.newest(c, subscription, 1)
            assert (notice.attempts, notice.sent_at) == (attempt, None)
            await sending.let_pass()
        assert not await sending.look()
        assert notice.error == "the receiver answered 503 Service Unavailable"
        assert len(las.got) == 4
        assert len({json.loads(got.body)["id"] for got in las.got}) == 1


async def test_a_sender_that_dies_repeats_one_attempt_at_most(c: Connection, pool: Pool, database: str) -> None:
    """Claimed and never recorded: it comes again after the wait, and not before; recorded, never again."""
    async with receiver() as las, Outbound(settings_for(database).webhook) as outbound:
        await disabled(c, notice_url=las.url)
        assert await store.claim(c) is not None  # and the process dies
        sending = Sending(c, pool, database, outbound)
        assert not await sending.look()
        await sending.let_pass()
        assert await sending.look()
        await sending.let_pass()
        assert not await sending.look()
        assert len(las.got) == 1


async def test_without_an_address_it_waits_for_one(c: Connection, pool: Pool, database: str) -> None:
    """It is kept for who asks; when the supplier names an address while the cause lasts, it is sent there."""
    async with receiver() as las, Outbound(settings_for(database).webhook) as outbound:
        subscription = await disabled(c)
        sending = Sending(c, pool, database, outbound)
        assert not await sending.look()
        await c.execute("update subscriptions set notice_url = $1 where id = $2", las.url, subscription)
        assert await sending.look()
        assert len(las.got) == 1


async def test_a_notice_goes_ninety_days_after_its_cause_was_over(c: Connection) -> None:
    """As attempts do; an open one stays, however old."""
    subscription = await disabled(c)
    periods = RetentionPeriods(register_years=7, deliveries_months=18, attempts_days=90, parked_days=30)

    async def keep(days: int) -> int:
        later = await now(c) + timedelta(days=days)
        run = RetentionRun(c=c, cutoffs=cutoffs(later, periods), dry=False, tell=lambda _kind, _n: None)
        return (await apply(run, later, SystemActor.COMMAND_LINE))["notices"]

    assert await keep(400) == 0
    await c.execute("update subscriptions set status = 'active' where id = $1", subscription)
    await watch(c)
    assert [await keep(89), await keep(91)] == [0, 1]
    assert await store.newest(c, subscription, 10) == []


async def test_what_is_over_is_not_sent_any_more(c: Connection, pool: Pool, database: str) -> None:
    """A notice whose cause ended before it could be sent would only confuse."""
    async with receiver() as las, Outbound(settings_for(database).webhook) as outbound:
        subscription = await disabled(c, notice_url=las.url)
        await c.execute("update subscriptions set status = 'active' where id = $1", subscription)
        await watch(c)
        assert not await Sending(c, pool, database, outbound).look()
        assert las.got == []
