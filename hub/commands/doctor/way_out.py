"""Checks what this machine needs to reach receivers: a network, and a name service where names may be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.commands.doctor.finding import Finding, well, wrong
from hub.outbound.machine import has_network
from hub.outbound.names import SystemNames

if TYPE_CHECKING:
    from hub.outbound.names import NameService
    from hub.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return a finding on the network and on the name service; none where receivers are in networks of our own."""
    return [] if settings.webhook.allowed_networks else [_network(), await look_at_names(SystemNames())]


async def look_at_names(names: NameService) -> Finding:
    """Return whether the name service answers at all."""
    if await names.is_answering():
        return well("name service", "answers")
    return wrong("name service", "no name server answers", "See /etc/resolv.conf")


def _network() -> Finding:
    if has_network():
        return well("network", "leads to the world")
    return wrong("network", "this machine has no way to receivers", "Bring its network up")
