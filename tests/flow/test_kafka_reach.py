"""Why a Kafka cannot be reached, in words: names, ports, silence, protocols."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from hub.kafka import reach
from hub.kafka.reach import find_fault
from tests.support.servers.commands import osr_hub

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

BOOTSTRAP = "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS"


async def fault_of(address: str, **options: Any) -> str:
    """Return why a Kafka at this address cannot be used."""
    return await find_fault({"bootstrap_servers": [address], **options}, TimeoutError())


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("kafka.invalid:9092", "kafka.invalid:9092 is not known by that name"),
        ("127.0.0.1:1", "127.0.0.1:1 refuses connections: no broker listens there"),
    ],
)
async def test_a_wrong_address_is_named(address: str, words: str) -> None:
    """An unknown name and a closed port are told apart."""
    assert await fault_of(address) == words


async def test_all_addresses_are_named() -> None:
    """Each address of the setting has its own reason."""
    fault = await find_fault({"bootstrap_servers": ["127.0.0.1:1", "127.0.0.1:2"]}, ConnectionError())
    assert fault.startswith("127.0.0.1:1 refuses")
    assert "; 127.0.0.1:2 refuses" in fault


@pytest.mark.parametrize(
    ("closes", "words"),
    [(False, "has not answered for 0.2 s"), (True, "closes the connection: it may want another SECURITY_PROTOCOL")],
)
async def test_silence_and_a_closed_connection_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
    closes: bool,  # noqa: FBT001 - one of two servers
    words: str,
) -> None:
    """A server that says nothing is no server that hangs up."""
    monkeypatch.setattr(reach, "CONNECT_MS", 200)
    done = asyncio.Event()

    async def serve(_reader: StreamReader, writer: StreamWriter) -> None:
        if not closes:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert words in await fault_of(f"127.0.0.1:{port}")
    done.set()
    server.close()
    await server.wait_closed()


async def test_tls_at_a_port_without_it_is_named(kafka: str) -> None:
    """A client that wants TLS of a broker that speaks plain text says so."""
    words = await fault_of(kafka, security_protocol="SSL", ssl_context=ssl.create_default_context())
    assert "closes the connection: it may want another SECURITY_PROTOCOL than SSL" in words


async def test_a_command_says_why_and_exits_with_two() -> None:
    """`osr-hub topics` at a port where nothing listens is a sentence, within seconds."""
    code, _, failed = await osr_hub("postgresql://x@127.0.0.1:1/x", "topics", **{BOOTSTRAP: "127.0.0.1:1"})
    assert code == 2
    assert failed.startswith("osr-hub: Kafka at 127.0.0.1:1 cannot be used: 127.0.0.1:1 refuses connections: no broker")
    assert "Traceback" not in failed
