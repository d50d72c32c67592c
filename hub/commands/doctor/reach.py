"""Checks that the receivers of systems can be reached, and how long the certificates that they show are valid.

It connects as deliveries do, through the same guard for addresses and with the same certificates, and sends nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from hub.commands.doctor.certificates import judge_own
from hub.commands.doctor.finding import Finding, counted, well, wrong
from hub.commands.doctor.sessions import open_current
from hub.domain.system import NO_CONTACT
from hub.outbound import Outbound, OwnFault, Reached
from hub.outbound.tls import IdentityUnusable, check_identity, days_left
from hub.store import observe, register, subscriptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.domain.system import Contact
    from hub.outbound import Answer
    from hub.outbound.names import NameService
    from hub.settings import Settings

AT_ONCE: Final = 64
SOON_DAYS: Final = 14


class ReceiverAddress(NamedTuple):
    """Where the messages of a system go, and the certificate by which the hub is known there, if it is another."""

    shown_as: str
    url: str
    identity: bytes | None
    contact: str


async def check(settings: Settings, names: NameService | None = None) -> list[Finding]:
    """Return a finding per active subscription."""
    addresses = await _read_addresses(settings)
    if not addresses:
        return []
    places = asyncio.Semaphore(AT_ONCE)
    async with Outbound(settings.webhook, names) as outbound:

        async def look(at: ReceiverAddress) -> Finding:
            async with places:
                return _judge(at, await outbound.look(at.url, identity=at.identity))

        found = await asyncio.gather(*map(look, addresses))
    return [*found, *(judged for at in addresses if not (judged := _judge_identity(at)).is_well)]


async def _read_addresses(settings: Settings) -> Sequence[ReceiverAddress]:
    async with open_current(settings) as c:
        receivers = await subscriptions.targets(c, settings.secrets.keys)
        views, systems = await observe.read_destinations(c), await register.systems(c)
    contacts: dict[str | None, Contact] = {code: system.contact for code, system in systems.items()}
    return [
        ReceiverAddress(view.shown_as, to.url, to.identity, _tell(contacts.get(view.system_code, NO_CONTACT)))
        for view in views
        if view.kind == "las" and (to := receivers.get(view.id)) is not None
    ]


def _tell(contact: Contact) -> str:
    told = ", ".join(filter(None, (contact.name, contact.email, contact.phone, contact.url)))
    return told or "the contact of this system (`osr-hub systems list`)"


def _judge(at: ReceiverAddress, found: Reached | Answer) -> Finding:
    what = f"receiver of {at.shown_as}, {urlsplit(at.url).hostname}"
    match found:
        case Reached(certificate=None):
            return well(what, "takes connections, by plain http")
        case Reached(certificate=certificate) if certificate is not None:
            return _judge_certificate(what, days_left(certificate), at.contact)
        case OwnFault(error=error, next_step=next_step):
            return wrong(what, error, next_step)
    return wrong(what, f"it cannot be reached: {getattr(found, 'error', found)}", f"Call {at.contact}")


def _judge_identity(at: ReceiverAddress) -> Finding:
    """Return for how long the certificate is valid that a system gave the hub."""
    what = f"client certificate for {at.shown_as}"
    if at.identity is None:
        return well(what, "none")
    try:
        days = days_left(check_identity(at.identity))
    except IdentityUnusable as error:
        return wrong(what, str(error), f"Ask for another: call {at.contact}")
    return judge_own(what, days, f"Ask for a new one as `clientCertificate` of the subscription: call {at.contact}")


def _judge_certificate(what: str, days: int, contact: str) -> Finding:
    words = f"takes connections; its certificate is valid for {counted(days, 'more day', 'more days')}"
    if days < SOON_DAYS:
        return wrong(what, words, f"Have it renewed, or nothing can be delivered there: call {contact}")
    return well(what, words)
