"""A forwarder's way out to a receiver that answers at once, without a network: what is left is the hub's own work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from consumers.forwarding.destination import Destination
from consumers.forwarding.destinations import Destinations
from consumers.forwarding.dispatcher import Dispatcher, OpenRequests
from consumers.forwarding.webhooks import Endpoint
from hub.clock import LedgerClock
from hub.domain.receiver import Receiver
from hub.envelopes import envelope_defaults
from hub.outbound.connections import Connection
from hub.outbound.places import Deadlines
from hub.outbound.streams import StreamClient
from hub.outbound.webhook import WebhookSender
from schemas.identifiers import parse_oin

if TYPE_CHECKING:
    import pytest

    from hub.outbound import Outbound
    from hub.outbound.routes import Route

URL = "http://127.0.0.1:9/hook"


class InstantTransport(asyncio.Transport):
    """A transport behind which each request is answered with 204 in the next step of the loop."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def write(self, _data: Any) -> None:
        """Answer."""
        answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        asyncio.get_running_loop().call_soon(self._connection.data_received, answer)

    def get_write_buffer_size(self) -> int:
        """Hold nothing back."""
        return 0

    def abort(self) -> None:
        """Close nothing."""


class PunctualHeartbeat:
    """A heartbeat that is never late."""

    is_late = False
    incarnation = 0


def answer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every connection of the hub's client be one to a receiver that answers at once."""
    deadlines = Deadlines()

    async def connect(client: StreamClient, route: Route, _deadline: float) -> Connection:
        connection = Connection(route.addresses[0], lambda free: client.idle.put(route, free), deadlines)
        connection.connection_made(InstantTransport(connection))
        return connection

    monkeypatch.setattr(StreamClient, "connect", connect)


def make_dispatcher(outbound: Outbound) -> tuple[Dispatcher, Destination]:
    """Make a dispatcher, and the destination of a receiver that signs by secret."""
    receiver = Receiver(subscription_id=UUID(int=1), url=URL, secrets=(b"k" * 32,))
    endpoint = Endpoint(receiver=receiver, sender=WebhookSender(origin="hub.example"), retry_schedule=(5,))
    webhook = Destination(id=5, name="las:1", kind="las", topic=None, is_open=True, endpoint=endpoint)
    dispatcher = Dispatcher(
        defaults=envelope_defaults(parse_oin("00000099000000009000"), "https://hub.example"),
        destinations=Destinations(cast("Any", None), LedgerClock()),
        heartbeat=cast("Any", PunctualHeartbeat()),
        queues=cast("Any", None),
        webhooks=cast("Any", None),
        outbound=outbound,
        requests=OpenRequests(15),
    )
    return dispatcher, webhook
