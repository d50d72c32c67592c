"""A name service of the tests' own, that counts how often it is asked."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Names:
    """Resolves every name to the same addresses, or to none while it is away."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0
        self.is_away = False
        self.is_silent = False
        self.answers = True

    async def resolve(self, _host: str, _port: int) -> Sequence[IPv4Address | IPv6Address]:
        """Resolve a name."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_silent:
            await asyncio.Event().wait()
        if self.is_away:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [ip_address(address) for address in self.addresses]

    async def is_answering(self) -> bool:
        """Return whether this is the name's fault and not the name service's."""
        await asyncio.sleep(0)
        return self.answers
