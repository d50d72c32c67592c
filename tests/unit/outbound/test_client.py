"""Laws of the client to receivers: what it never does, what it makes of failures, how it pins an address."""

from __future__ import annotations

import asyncio
import random

import pytest

from hub.outbound import AddressRefused, Answered, Outbound, Unreachable, routes
from hub.settings import Webhook
from tests.support.receivers.names import Names
from tests.support.receivers.receiver import ReceivedRequest, receiver, reply
from tests.support.servers.ports import free_port

LOCAL = Webhook.model_validate({"timeout_seconds": 2, "allowed_networks": "127.0.0.0/8"})

pytestmark = pytest.mark.usefixtures("each_client")


async def test_a_post_arrives_as_it_was_given() -> None:
    """Method, target, headers and every byte of the body."""
    async with receiver() as las, Outbound(LOCAL) as out:
        body = bytes(range(256))
        answer = await out.post(f"{las.url}?a=1", {"webhook-id": "x", "content-type": "a/b"}, body)
    assert isinstance(answer, Answered)
    assert answer.status == 204
    got = las.got[0]
    assert (got.method, got.target, got.body) == ("POST", "/hook?a=1", body)
    assert (got.headers["webhook-id"], got.headers["content-type"]) == ("x", "a/b")
    assert got.headers["user-agent"] == "osr-hub"
    assert "accept-encoding" not in got.headers


async def test_connections_are_kept() -> None:
    """A hundred messages one after the other travel over one connection."""
    async with receiver(lambda _: reply(200, b"thanks")) as las, Outbound(LOCAL) as out:
        for _ in range(100):
            assert isinstance(await out.post(las.url, {}, b"x"), Answered)
    assert las.connections == 1


async def test_no_redirect_is_followed() -> None:
    """A receiver cannot send the hub elsewhere."""
    async with (
        receiver() as elsewhere,
        receiver(lambda _: reply(307, location=elsewhere.url)) as las,
        Outbound(LOCAL) as out,
    ):
        answer = await out.post(las.url, {}, b"x")
    assert isinstance(answer, Answered)
    assert answer.status == 307
    assert elsewhere.got == []


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would connect to what the guard never saw."""
    async with receiver() as proxy, receiver() as las:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with Outbound(LOCAL) as out:
            assert isinstance(await out.post(las.url, {}, b"x"), Answered)
    assert (len(proxy.got), len(las.got)) == (0, 1)


async def test_only_the_beginning_of_an_answer_is_read() -> None:
    """A flood costs two kilobytes."""
    async with receiver(lambda _: reply(503, b"y" * 5_000_000, retry_after="7")) as las, Outbound(LOCAL) as out:
        answer = await out.post(las.url, {}, b"x")
    assert isinstance(answer, Answered)
    assert answer.status == 503
    assert answer.headers == {"retry-after": "7"}


async def test_silence_is_unreachable_after_the_time_allowed() -> None:
    """The words say how long, and nothing of the address."""
    settings = LOCAL.model_copy(update={"timeout_seconds": 0.2})
    async with receiver(lambda _: None) as las, Outbound(settings) as out:
        answer = await out.post(f"{las.url}?token=secret", {}, b"x")
    assert isinstance(answer, Unreachable)
    assert answer.error == "no answer within 0.2 s"
    assert answer.duration_ms >= 200


@pytest.mark.parametrize("garbage", [b"hello\r\n\r\n", b"\x15\x03\x01\x00\x02\x02F\r\n", b"HTTP/1.1 fine\r\n\r\n"])
async def test_what_is_no_answer_is_unreachable(garbage: bytes) -> None:
    """Bytes that are not HTTP are as good as nobody there, and their words hold no address."""
    async with receiver(lambda _: garbage) as las, Outbound(LOCAL) as out:
        answer = await out.post(f"{las.url}?token=secret", {}, b"x")
    assert isinstance(answer, Unreachable)
    assert "secret" not in answer.error
    assert "hook" not in answer.error


async def test_nobody_listening_is_unreachable() -> None:
    """Connection refused, in words without the URL."""
    async with Outbound(LOCAL) as out:
        answer = await out.post(f"http://127.0.0.1:{free_port()}/hook?token=secret", {}, b"x")
    assert isinstance(answer, Unreachable)
    assert answer.error.startswith("no connection: ")
    assert "secret" not in answer.error


async def test_a_refused_address_is_never_connected_to() -> None:
    """Not a byte reaches a receiver outside the networks that are allowed."""
    async with receiver() as las, Outbound(Webhook()) as out:
        for url in (las.url, f"https://127.0.0.1:{las.port}/", f"http://localhost:{las.port}/"):
            answer = await out.post(url, {}, b"x")
            assert isinstance(answer, AddressRefused)
    assert las.connections == 0


async def test_a_name_is_resolved_once_and_its_vetted_address_pinned() -> None:
    """What the name says later, within the minute, is not asked: a name cannot turn inward behind the guard's back."""
    names = Names("127.0.0.1")
    async with receiver() as las, Outbound(LOCAL, names) as out:
        url = f"http://las.test:{las.port}/hook"
        assert isinstance(await out.post(url, {}, b"1"), Answered)
        names.addresses = ("10.0.0.1",)
        assert isinstance(await out.post(url, {}, b"2"), Answered)
    assert names.asked == 1
    assert [got.headers["host"] for got in las.got] == [f"las.test:{las.port}"] * 2


async def test_a_name_that_turned_inward_is_refused_at_the_next_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check after a minute goes on beside the sending; from its end on nothing is sent."""
    monkeypatch.setattr(routes, "CHECK_SECONDS", -1.0)
    names = Names("127.0.0.1")
    async with receiver() as las, Outbound(LOCAL, names) as out:
        url = f"http://las.test:{las.port}/hook"
        assert isinstance(await out.post(url, {}, b"1"), Answered)
        names.addresses = ("127.0.0.1", "10.0.0.1")
        assert isinstance(await out.post(url, {}, b"2"), Answered)
        answer = await out.post(url, {}, b"3")
    assert isinstance(answer, AddressRefused)
    assert len(las.got) == 2


async def test_a_name_service_that_is_away_does_not_stop_what_is_vetted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed check in the background leaves the address that was vetted before."""
    monkeypatch.setattr(routes, "CHECK_SECONDS", -1.0)
    names = Names("127.0.0.1")
    async with receiver() as las, Outbound(LOCAL, names) as out:
        url = f"http://las.test:{las.port}/hook"
        assert isinstance(await out.post(url, {}, b"1"), Answered)
        names.is_away = True
        for _ in range(3):
            assert isinstance(await out.post(url, {}, b"2"), Answered)
    assert las.connections == 1


async def test_a_name_that_cannot_be_resolved_is_unreachable() -> None:
    """In the resolver's words."""
    names = Names()
    names.is_away = True
    async with Outbound(LOCAL, names) as out:
        answer = await out.post("http://las.test/", {}, b"x")
    assert isinstance(answer, Unreachable)
    assert answer.error == "the name cannot be resolved: Temporary failure in name resolution"


async def test_a_name_service_that_is_silent_costs_no_more_than_the_time_allowed() -> None:
    """Resolving is part of the time that a receiver has."""
    names = Names()
    names.is_silent = True
    async with Outbound(LOCAL.model_copy(update={"timeout_seconds": 0.1}), names) as out:
        answer = await out.post("https://las.test/", {}, b"x")
    assert isinstance(answer, Unreachable)
    assert answer.error == "the name cannot be resolved: no answer within 0.1 s"


async def test_a_name_that_cannot_exist_is_unreachable() -> None:
    """Whatever a stranger wrote, it is an answer and no fault of ours."""
    async with Outbound(LOCAL) as out:
        for host in ("a" * 64 + ".invalid", "a..invalid", "-.invalid", "xn--.invalid"):
            answer = await out.post(f"https://{host}/", {}, b"x")
            assert isinstance(answer, Unreachable | AddressRefused), host


async def test_a_dead_address_of_two_costs_nothing() -> None:
    """The other one is tried at once, and first from then on."""
    names = Names("127.0.0.9", "127.0.0.1")
    async with receiver() as las, Outbound(LOCAL, names) as out:
        for body in (b"1", b"2", b"3"):
            assert isinstance(await out.post(f"http://las.test:{las.port}/hook", {}, body), Answered)
    assert (names.asked, len(las.got)) == (1, 3)


async def test_many_at_once_share_one_check() -> None:
    """A thousand messages that wake together ask the name service once."""
    names = Names("127.0.0.1")
    async with receiver() as las, Outbound(LOCAL, names) as out:
        url = f"http://las.test:{las.port}/hook"
        answers = await asyncio.gather(*(out.post(url, {}, b"x") for _ in range(1000)))
    assert all(isinstance(answer, Answered) for answer in answers)
    assert (names.asked, len(las.got)) == (1, 1000)


async def test_a_post_ends_when_it_is_cancelled_whenever_that_is() -> None:
    """At any moment of its way: before the connection, while it waits, while it reads."""
    moments = random.Random(7)  # noqa: S311 - the same moments each time

    async def post_on() -> None:
        while True:
            await out.post(las.url, {}, b"x")

    async with receiver(lambda _: reply(200, b"thanks")) as las, Outbound(LOCAL) as out:
        for _ in range(300):
            task = asyncio.create_task(post_on())
            await asyncio.sleep(moments.random() * 0.006)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=5)
            assert done, "it hangs"
        assert isinstance(await out.post(las.url, {}, b"x"), Answered)


async def test_a_cancelled_post_leaves_the_client_usable() -> None:
    """Who stops waiting disturbs nobody."""
    silent = True

    def answer(_: ReceivedRequest) -> bytes | None:
        return None if silent else reply(204)

    async with receiver(answer) as las, Outbound(LOCAL) as out:
        task = asyncio.create_task(out.post(las.url, {}, b"x"))
        await las.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        silent = False
        assert isinstance(await out.post(las.url, {}, b"x"), Answered)
