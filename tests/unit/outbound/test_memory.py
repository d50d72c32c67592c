"""Strangers and many receivers cost a bounded number of clients, connections and files, whatever they do."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.outbound import Answered, Outbound, connections, routes, tls
from hub.outbound import client as client_module
from hub.outbound.handshake import Disagreed, ask_consent
from hub.settings import Webhook
from hub.settings.groups import HttpClientName
from tests.support.receivers.authority import Authority
from tests.support.receivers.names import Names
from tests.support.receivers.receiver import receiver, reply

if TYPE_CHECKING:
    from collections.abc import Iterable

on_each_client = pytest.mark.usefixtures("each_client")
LOCAL = Webhook.model_validate({"timeout_seconds": 4, "allowed_networks": "127.0.0.0/8"})


def alive() -> dict[str, int]:
    """Count the routes, connections and clients of pyreqwest that are still held, and the open files."""
    gc.collect()
    kinds = [type(one).__name__ for one in gc.get_objects()]
    found: Iterable[str] = (connections.Connection.__name__, routes.Route.__name__)
    return {kind: kinds.count(kind) for kind in found} | {"files": sum(1 for _ in Path("/proc/self/fd").iterdir())}


async def test_a_thousand_refused_handshakes_leave_nothing_behind(each_client: HttpClientName) -> None:
    """Each at a name of its own: no client, no connection and no file is kept."""
    many = 1000 if each_client is HttpClientName.STREAMS else 200  # the other one takes twelve seconds for them
    async with receiver(lambda _: reply(403)) as las, Outbound(LOCAL, Names("127.0.0.1")) as out:
        for number in range(many):
            url = f"http://las{number}.test:{las.port}/hook"
            assert isinstance(await ask_consent(out, url, origin="hub.test", rate=None), Disagreed)
            if number == 100:
                before = alive()
        after = alive()
        assert (len(out.routes), len(out.idle)) == (0, 0)
    assert len(las.got) == many
    assert {kind: after[kind] - before[kind] for kind in before if kind != "files"} == {"Connection": 0, "Route": 0}
    assert after["files"] <= before["files"] + 5


@on_each_client
async def test_routes_are_bounded_and_the_least_recently_used_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is used all the time keeps its connection."""
    monkeypatch.setattr(routes, "MAX_ROUTES", 10)
    async with receiver(lambda _: reply(200)) as las, Outbound(LOCAL, Names("127.0.0.1")) as out:
        for number in range(100):
            for name in ("always", f"las{number}"):
                assert isinstance(await out.post(f"http://{name}.test:{las.port}/", {}, b"x"), Answered)
        assert len(out.routes) == 10
        assert len(out.idle) <= 10
    assert las.connections == 101


@on_each_client
async def test_a_receiver_is_its_scheme_host_port_and_identity() -> None:
    """Paths and queries share connections; names and identities do not."""
    async with receiver(lambda _: reply(200)) as las, Outbound(LOCAL, Names("127.0.0.1")) as out:
        for path in ("/a", "/b?c=d", "/", "/a"):
            assert isinstance(await out.post(f"http://one.test:{las.port}{path}", {}, b"x"), Answered)
        assert (len(out.routes), las.connections) == (1, 1)
        assert isinstance(await out.post(f"http://two.test:{las.port}/a", {}, b"x"), Answered)
        assert isinstance(await out.post(f"http://one.test:{las.port}/a", {}, b"x", identity=b"other"), Answered)
        assert (len(out.routes), las.connections) == (3, 3)


async def test_idle_connections_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """And fewer where the process may open few files; the one that waited longest goes."""
    monkeypatch.setattr(client_module, "MAX_IDLE", 20)
    async with receiver(lambda _: reply(200)) as las, Outbound(LOCAL, Names("127.0.0.1")) as out:
        out.fit_into(1000)
        for number in range(50):
            assert isinstance(await out.post(f"http://las{number}.test:{las.port}/", {}, b"x"), Answered)
        assert len(out.idle) == 20
        out.fit_into(-10)
        assert len(out.idle) == 5
        assert isinstance(await out.post(f"http://las49.test:{las.port}/", {}, b"x"), Answered)
    assert las.connections == 50


def test_contexts_of_identities_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is used again keeps its own."""
    monkeypatch.setattr(tls, "CONTEXTS", 3)
    contexts, authority = tls.TlsContexts(None), Authority()
    first = contexts.get(None)
    for number in range(5):
        contexts.get(authority.issue(f"las{number}.test"))
        assert contexts.get(None) is first
    assert len(contexts) == 3
