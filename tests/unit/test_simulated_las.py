"""The simulated LAS counts what came, sees what is missing or out of order, and reports what it did."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
import pytest
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import ConnectError

from hub.domain.receiver import Receiver
from hub.outbound import Answered, Outbound, Unreachable
from hub.outbound.webhook import WebhookMessage, WebhookSender, post
from hub.settings import Webhook
from hub.simulators import las as simulate_las
from hub.simulators.back_office import needs_school_action
from hub.simulators.http import serve_http
from hub.simulators.las import LasMode, SimulatedLas
from hub.simulators.mailbox import Mailbox, RecentIds
from hub.simulators.reports import Reporter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOCAL = Webhook.model_validate({"timeout_seconds": 2, "allowed_networks": "127.0.0.0/8"})
SECRET = b"s" * 32
ID = "01936b2e-0000-7000-8000-00000000000"


def event(number: int, previous: int | None = None, *, brin: str = "18DS", service: str = "VVA") -> dict[str, Any]:
    """Make a message as the hub sends it, as far as a mailbox looks at it."""
    made: dict[str, Any] = {
        "id": f"{ID}{number}",
        "type": "nl.osr.mandate.granted.v1",
        "partitionkey": brin,
        "sequence": f"{number:020}",
        "data": {"serviceCode": service},
    }
    return made if previous is None else made | {"previoussequence": f"{previous:020}"}


def test_what_comes_in_order_is_in_order() -> None:
    """A lane with a cancelled number in it has no gap: the message says what was before it."""
    mailbox = Mailbox()
    for number, previous in ((1, None), (2, 1), (5, 2)):
        assert mailbox.take(event(number, previous))
    assert mailbox.summary() == {
        "received": 3,
        "distinct": 3,
        "repeats": 0,
        "inversions": 0,
        "gaps": 0,
        "badSignatures": 0,
    }
    assert mailbox.ids_of("18DS") == [f"{ID}1", f"{ID}2", f"{ID}5"]
    assert mailbox.ids_of("00AA") == []


def test_a_repeat_counts_once_and_disturbs_no_order() -> None:
    """Known by its id, also when it comes late."""
    mailbox = Mailbox()
    assert [mailbox.take(event(n, n - 1 or None)) for n in (1, 2, 1)] == [True, True, False]
    assert (mailbox.repeats, mailbox.inversions, mailbox.gaps) == (1, 0, 0)


def test_what_is_missing_is_a_gap_and_what_comes_too_early_an_inversion() -> None:
    """2 is missing when 3 says that 2 was before it; when 2 then comes it is out of order."""
    mailbox = Mailbox()
    for number, previous in ((1, None), (3, 2), (2, 1)):
        mailbox.take(event(number, previous))
    assert (mailbox.gaps, mailbox.inversions) == (1, 1)


def test_schools_and_copies_have_lanes_of_their_own() -> None:
    """Their numbers have nothing to do with each other."""
    mailbox = Mailbox()
    mailbox.take(event(7, 6))
    mailbox.take(event(1, brin="00AA"))
    mailbox.take(event(2, 1, service="RIO"))
    assert (mailbox.gaps, mailbox.inversions) == (0, 0)


def test_memory_of_what_was_seen_is_bounded_and_certain_for_the_latest() -> None:
    """The last ten are known; of ten thousand no more than twenty are kept."""
    recent = RecentIds(10)
    for n in range(10_000):
        assert recent.is_new(str(n))
        assert not any(recent.is_new(str(n - back)) for back in range(min(n, 9)))
    assert recent.is_new("0")


@pytest.fixture
async def las() -> AsyncIterator[tuple[SimulatedLas, str]]:
    """Run a LAS that knows its secret."""
    it = SimulatedLas(LasMode.GOOD, lambda _: None, lambda: 0)
    it.secrets = (SECRET,)
    async with serve_http(it.answer, "127.0.0.1", 0) as port:
        yield it, f"http://127.0.0.1:{port}"


async def send(out: Outbound, base: str, number: int, secret: bytes = SECRET) -> object:
    """Send one message, signed."""
    to = Receiver(subscription_id=UUID(int=1), url=f"{base}/hook", secrets=(secret,))
    message = WebhookMessage(id=f"{ID}{number}", body=orjson.dumps(event(number)))
    return await post(out, to, message, WebhookSender(origin="hub.test"), datetime.now(UTC))


async def test_only_what_is_signed_is_taken(las: tuple[SimulatedLas, str]) -> None:
    """Another secret is answered 401 and counted."""
    it, base = las
    async with Outbound(LOCAL) as out:
        assert status_of(await send(out, base, 1)) == 204
        assert status_of(await send(out, base, 1)) == 204
        assert status_of(await send(out, base, 2, secret=b"x" * 32)) == 401
    assert (it.mailbox.received, it.mailbox.distinct, it.mailbox.bad_signatures) == (2, 1, 1)


def status_of(answer: object) -> int:
    """Give the status of an answer that is one."""
    assert isinstance(answer, Answered)
    return answer.status


async def test_a_message_that_comes_before_the_secret_waits_for_it(las: tuple[SimulatedLas, str]) -> None:
    """The hub may be quicker with its first message than with the answer that holds the secret."""
    it, base = las
    it.secrets = ()
    async with Outbound(LOCAL) as out:
        sending = asyncio.create_task(send(out, base, 1))
        await asyncio.sleep(0.2)
        assert not sending.done()
        it.secrets = (SECRET,)
        assert status_of(await sending) == 204


async def test_it_consents_to_whoever_asks(las: tuple[SimulatedLas, str]) -> None:
    """At the rate that is asked for."""
    _, base = las
    async with Outbound(LOCAL) as out:
        answer = await out.options(f"{base}/hook", {"webhook-request-origin": "hub.test", "webhook-request-rate": "9"})
    assert isinstance(answer, Answered)
    assert answer.headers == {"webhook-allowed-origin": "hub.test", "webhook-allowed-rate": "9"}


async def test_down_is_down_until_it_is_good_again(las: tuple[SimulatedLas, str]) -> None:
    """The mode is changed while it runs; its own pages answer in every mode."""
    it, base = las
    async with Outbound(LOCAL) as out:
        assert (await call("PUT", f"{base}/mode", b'{"mode": "down"}'))[0] == 200
        assert isinstance(await send(out, base, 1), Unreachable)
        status, summary = await call("GET", f"{base}/received")
        assert (status, summary["received"], summary["mode"]) == (200, 0, "down")
        assert (await call("PUT", f"{base}/mode", b'"good"'))[0] == 200
        assert status_of(await send(out, base, 1)) == 204
    assert (await call("PUT", f"{base}/mode", b'{"mode": "odd"}'))[0] == 400
    assert (await call("GET", f"{base}/received?brin=18DS"))[1] == {"brin": "18DS", "ids": [f"{ID}1"]}
    assert it.mode is LasMode.GOOD


async def test_slow_takes_its_time(las: tuple[SimulatedLas, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """And takes the message."""
    monkeypatch.setattr(simulate_las, "SLOW_SECONDS", 0.3)
    it, base = las
    it.mode = LasMode.SLOW
    async with Outbound(LOCAL) as out:
        answer = await send(out, base, 1)
    assert isinstance(answer, Answered)
    assert answer.status == 204
    assert answer.duration_ms >= 300


async def test_rude_offends_once_per_message(las: tuple[SimulatedLas, str]) -> None:
    """Cut connections, floods, 429, 500, and taken without saying so; at the second try each is taken."""
    it, base = las
    it.mode = LasMode.RUDE
    async with Outbound(LOCAL) as out:
        first = [await send(out, base, number) for number in range(1, 10)]
        second = [await send(out, base, number) for number in range(1, 10)]
    seen = {answer.status if isinstance(answer, Answered) else "cut" for answer in first}
    assert {429, 500, 502, 503} & seen  # 204 only where it cut an idle connection: the hub's client tries again at once
    assert len(seen) > 2
    assert all(isinstance(answer, Answered) and answer.status == 204 for answer in second)
    assert it.mailbox.distinct == 9


async def test_every_grant_is_reported_and_one_in_five_takes_a_step() -> None:
    """`in_progress` first where the school has something to do, `activated` for all; the hub being away loses none."""
    told: list[tuple[str, object]] = []
    failures = iter([True, False, True])

    async def report(delivery: str, body: dict[str, object]) -> None:
        await asyncio.sleep(0)
        if next(failures, False):
            raise ConnectError("away", {"causes": None})
        told.append((delivery, body["status"]))

    reporter = Reporter(0.01)
    messages = [f"{ID}{n}" for n in range(10)]
    for n, message in enumerate(messages):
        reporter.add_message({**event(n), "id": message})
    reporter.add_message({**event(11), "type": "nl.osr.mandate.withdrawn.v1"})
    reporter.add_message(event(12, service="RIO"))
    reporter.duo_services.codes = frozenset({"ROD_VO"})
    reporter.add_message(event(13, service="ROD_VO"))
    wanted = {(message, "activated") for message in messages}
    wanted |= {(message, "in_progress") for message in messages if needs_school_action(message)}
    working = asyncio.create_task(reporter.work(report))
    async with asyncio.timeout(90):
        while set(told) != wanted:
            await asyncio.sleep(0.01)
    working.cancel()
    assert len(reporter) == 0


async def call(method: str, url: str, body: bytes | None = None) -> tuple[int, Any]:
    """Call its own pages, which no guard stands before."""
    async with ClientBuilder().no_proxy().build() as client:
        request = client.request(method, url)
        answer = await (request.body_bytes(body) if body else request).build().send()
        said = bytes(await answer.bytes())
    return answer.status, orjson.loads(said) if answer.status == 200 else said
