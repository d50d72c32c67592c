"""The doctor at the doors of receivers: who cannot be reached, and whose certificate ends soon."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from hub.commands.doctor import reach
from hub.sealing import seal
from hub.settings import load
from tests.support.receivers.authority import Authority
from tests.support.receivers.names import Names
from tests.support.receivers.tls_receiver import tls_receiver
from tests.support.register.subscriptions import KEYS, LAS, make_register

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Connection

NAME: Final = "las.test"
SUBSCRIBE: Final = """
insert into subscriptions (id, supplier_oin, system_code, url, services, types, processing_results, reports, status,
                           client_certificate, created_at, updated_at)
select gen_random_uuid(), $1, s.system_code, $2, '{}', '{}', false, true, 'active', $3, now(), now()
  from systems s where s.supplier_oin = $1"""


class Door:
    """A receiver of a system, and what the doctor says of it."""

    def __init__(self, c: Connection, database: str, folder: Path) -> None:
        self.c, self.database, self.folder, self.authority = c, database, folder, Authority()

    async def knock(self, port: int, identity: bytes | None = None, **settings: str) -> list[str]:
        """Subscribe a receiver at a port, with a certificate that the hub is to show, and return the doctor's lines."""
        await self.c.execute("delete from subscriptions")
        sealed = None if identity is None else seal(identity, KEYS)
        await self.c.execute(SUBSCRIBE, LAS, f"https://{NAME}:{port}/hook", sealed)
        (self.folder / "ca.pem").write_bytes(self.authority.pem)
        given = {
            "OSR_HUB_DATABASE__DSN": self.database,
            "OSR_HUB_WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8",
            "OSR_HUB_SECRETS__KEYS": KEYS[0].get_secret_value(),
            "OSR_HUB_WEBHOOK__CLIENT_CAFILE": str(self.folder / "ca.pem"),
            **settings,
        }
        return [str(found) for found in await reach.check(load(given), Names("127.0.0.1"))]

    def serve(self, left: timedelta) -> ssl.SSLContext:
        """Return what a server needs whose certificate is valid for so long."""
        end = datetime.now(UTC) + left
        (self.folder / "server.pem").write_bytes(self.authority.issue(NAME, end - timedelta(days=90), end))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / "server.pem")
        return context


@pytest.fixture
async def door(connection: Connection, database: str, tmp_path: Path) -> Door:
    """Register a system with a contact."""
    await make_register(connection)
    await connection.execute("update systems set contact_phone = '030 1234567' where supplier_oin = $1", LAS)
    return Door(connection, database, tmp_path)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=60, hours=1), "well   receiver of 1000, "),
        (timedelta(days=5, hours=1), "its certificate is valid for 5 more days; have it renewed, or nothing can be"),
        (timedelta(hours=-1), "cannot be reached: no connection: its certificate has expired"),
    ],
)
async def test_the_certificate_that_a_receiver_shows_is_judged(door: Door, left: timedelta, said: str) -> None:
    """By the handshake that a delivery would make: two months are well, five days are told, none are no way in."""
    with tls_receiver(door.serve(left)) as port:
        (line,) = await door.knock(port)
    assert said in line
    assert NAME in line
    assert line.startswith("well") or line.endswith("all 030 1234567")


async def test_a_certificate_that_a_system_gave_the_hub_is_looked_at(door: Door) -> None:
    """It is told a month before its end, with whom to ask for another."""
    end = datetime.now(UTC) + timedelta(days=20, hours=1)
    with tls_receiver(door.serve(timedelta(days=60, hours=1))) as port:
        reached, own = await door.knock(port, door.authority.issue("hub.test", end - timedelta(days=90), end))
    assert reached.startswith("well   receiver of 1000")
    assert own.startswith("WRONG  client certificate for 1000, ")
    assert own.endswith(
        "it expires in 20 days; ask for a new one as `clientCertificate` of the subscription: call 030 1234567"
    )


async def test_a_receiver_that_takes_no_connection_is_named(door: Door) -> None:
    """With its system, its services and whom to call."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (line,) = await door.knock(port)
    assert line.startswith("WRONG  receiver of 1000, ")
    assert "cannot be reached: no connection: Connect" in line
    assert line.endswith("; call 030 1234567")


async def test_no_address_is_looked_at_that_no_delivery_may_go_to(door: Door) -> None:
    """The guard of deliveries stands here too: this machine itself is not allowed."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        (line,) = await door.knock(listening.getsockname()[1], OSR_HUB_WEBHOOK__ALLOWED_NETWORKS="10.1.0.0/16")
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert "leads to an address that is not public" in line


async def test_without_subscriptions_nothing_is_looked_at(connection: Connection, database: str) -> None:
    """A hub without receivers needs no way to them."""
    await make_register(connection)
    assert await reach.check(load({"OSR_HUB_DATABASE__DSN": database})) == []
