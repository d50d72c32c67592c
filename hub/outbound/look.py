"""Look at a receiver without sending anything. In: a route. Out: its certificate, by the handshake of TLS.

The way is that of deliveries: the same guard for addresses, the same trust, the same certificate of the hub.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.outbound.heads import Head

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from hub.outbound.routes import Route
    from hub.outbound.streams import OutgoingRequest, StreamClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A receiver takes connections; `certificate` is the one that it showed, None by plain http."""

    certificate: Certificate | None


class LookingClient:
    """Connects as for a request, sends nothing, and keeps the certificate that was shown."""

    def __init__(self, streams: StreamClient) -> None:
        self._streams = streams
        self.certificate: Certificate | None = None

    async def exchange(self, route: Route, _request: OutgoingRequest, deadline: float) -> Head:
        """Connect, and close again."""
        connection = await self._streams.connect(route, deadline)
        self.certificate = connection.certificate
        connection.close()
        return Head(0)

    def forget(self, _route: Route) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""
