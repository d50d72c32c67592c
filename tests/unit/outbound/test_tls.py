"""Laws of encrypted calls: the receiver is who its name says, and the hub can say who it is."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

import pytest

from hub.outbound import Answer, Answered, Outbound, Unreachable
from hub.settings import Webhook
from tests.support.receivers.authority import Authority
from tests.support.receivers.names import Names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("each_client")
NAME = "las.test"


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Make an authority."""
    return Authority()


@pytest.fixture
def trusted(authority: Authority, tmp_path: Path) -> Path:
    """Write the authority's certificate."""
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    return path


@contextlib.asynccontextmanager
async def encrypted(identity: bytes, folder: Path, wants: Path | None = None) -> AsyncIterator[tuple[int, list[str]]]:
    """Run a receiver by TLS; with `wants` callers need a certificate of that authority. Gives port and callers."""
    (folder / "server.pem").write_bytes(identity)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=wants)
    context.load_cert_chain(folder / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED if wants else ssl.CERT_NONE
    callers: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
            certificate = writer.get_extra_info("peercert") or {}
            callers.append(str(dict(part[0] for part in certificate.get("subject", ())).get("commonName")))
            writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1], callers
    server.close()


async def call(port: int, name: str = NAME, identity: bytes | None = None, **settings: object) -> Answer:
    """Post to a name that leads to this machine."""
    given = Webhook.model_validate({"timeout_seconds": 2, "allowed_networks": "127.0.0.0/8"} | settings)
    async with Outbound(given, Names("127.0.0.1")) as out:
        return await out.post(f"https://{name}:{port}/hook", {}, b"x", identity=identity)


async def test_a_receiver_of_a_trusted_authority_is_called(authority: Authority, trusted: Path, tmp_path: Path) -> None:
    """By its name, at the address that was vetted."""
    async with encrypted(authority.issue(NAME), tmp_path) as (port, _):
        answer = await call(port, client_cafile=trusted)
    assert isinstance(answer, Answered)
    assert answer.status == 204


async def test_a_receiver_that_nobody_vouches_for_is_not(authority: Authority, tmp_path: Path) -> None:
    """An unknown authority is as good as nobody there, and says so."""
    async with encrypted(authority.issue(NAME), tmp_path) as (port, callers):
        answer = await call(port)
    assert isinstance(answer, Unreachable)
    assert "certificate" in answer.error
    assert callers == []


async def test_a_receiver_with_another_name_is_not(authority: Authority, trusted: Path, tmp_path: Path) -> None:
    """A certificate for another host does not do."""
    async with encrypted(authority.issue("other.test"), tmp_path) as (port, callers):
        answer = await call(port, client_cafile=trusted)
    assert isinstance(answer, Unreachable)
    assert callers == []


async def test_the_hub_shows_its_certificate(authority: Authority, trusted: Path, tmp_path: Path) -> None:
    """Its own to all, one that a receiver gave it to that receiver; without any it is turned away."""
    own = tmp_path / "own.pem"
    own.write_bytes(authority.issue("hub.test"))
    async with encrypted(authority.issue(NAME), tmp_path, wants=trusted) as (port, callers):
        assert isinstance(await call(port, client_certfile=own, client_keyfile=own, client_cafile=trusted), Answered)
        assert isinstance(await call(port, identity=authority.issue("given.test"), client_cafile=trusted), Answered)
        assert isinstance(await call(port, client_cafile=trusted), Unreachable)
    assert callers == ["hub.test", "given.test"]


async def test_a_certificate_that_is_none_is_told(trusted: Path) -> None:
    """Nothing is sent with it."""
    answer = await call(1, identity=b"nonsense", client_cafile=trusted)
    assert isinstance(answer, Unreachable)
    assert answer.error == "the client certificate of the subscription cannot be used: it holds no certificate in PEM"
