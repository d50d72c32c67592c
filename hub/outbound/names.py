"""The system's name service. In: a host. Out: its addresses, or whether the name service itself is at fault."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.outbound.addresses import IPAddress

LOOKUPS_AT_ONCE: Final = 32
"""In threads of their own: names that hang must not keep others from being looked up."""
PROBE_SECONDS: Final = 1.0
_ROOT_QUERY: Final = bytes.fromhex("05f5010000010000000000000000020001")
_LOOKUPS: Final = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="names")


class NameService(Protocol):
    """Resolves names."""

    async def resolve(self, host: str, port: int) -> Sequence[IPAddress]:
        """Return the addresses of a host; raise `OSError` when it cannot be resolved."""

    async def is_answering(self) -> bool:
        """Return whether the name service answers at all."""


class SystemNames:
    """The name service that this machine is set up with."""

    async def resolve(self, host: str, port: int) -> Sequence[IPAddress]:
        """Resolve a name off the event loop."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                _LOOKUPS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except UnicodeError:
            raise socket.gaierror(socket.EAI_NONAME, "no name that can exist") from None
        return [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]

    async def is_answering(self) -> bool:
        """Ask each name server of this machine for the root of all names; any answer will do."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, lambda: any(map(_answers, name_servers())))


def name_servers(path: Path = Path("/etc/resolv.conf")) -> list[str]:
    """Return the name servers of this machine; its own, as libc would, where it names none."""
    try:
        lines = [line.split() for line in path.read_text(errors="replace").splitlines()]
    except OSError:
        lines = []
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"] or ["127.0.0.1"]


def _answers(server: str) -> bool:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(PROBE_SECONDS)
            asking.connect((server, 53))
            asking.send(_ROOT_QUERY)
            return bool(asking.recv(512))
    except OSError:
        return False
