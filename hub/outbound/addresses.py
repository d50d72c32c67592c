"""The address guard: which addresses the hub calls. In: the URL of a receiver. Out: its parts, vetted, or a refusal.

A stranger wrote the URL of a receiver; without a guard it could reach what only the hub's own network can. The parser
of the HTTP client itself reads the URL, so that both mean the same host, and every address that its name resolves to
must be public, unless an operator allowed its network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, TypeAlias

from pyreqwest.http import Url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

IPAddress: TypeAlias = IPv4Address | IPv6Address
IPNetwork: TypeAlias = IPv4Network | IPv6Network

MAX_URL_LENGTH: Final = 2000

_FORBIDDEN_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")
_WITHOUT_USER = re.compile(r"https?://[^/?#@]+(?:[/?#]|$)", re.IGNORECASE)
_PUBLIC_V6: Final = IPv6Network("2000::/3")
_REFUSED: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and where clouds keep their metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})


class AddressNotAllowed(ValueError):  # noqa: N818 - named as the claim it makes
    """A URL or an address is not called; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverUrl:
    """The parts of a URL; `literal` is its address when it is written as one, `target` its path and query."""

    url: Url
    is_secure: bool
    host: str
    port: int
    literal: IPAddress | None
    authority: str
    target: str
    origin: tuple[bool, str, int]
    """The scheme, host and port: what connections belong to."""


def read_url(text: str) -> ReceiverUrl:
    """Read a receiver's URL; raise `AddressNotAllowed` for a form that is not called at all."""
    url = _parse(text)
    fault = _find_fault(text, url)
    if url is None or url.host_str is None or fault:
        raise AddressNotAllowed(fault)
    host, port, is_secure = url.host_str, url.port_or_known_default or 0, url.scheme == "https"
    return ReceiverUrl(
        url=url,
        is_secure=is_secure,
        host=host,
        port=port,
        literal=_literal(host),
        authority=host if url.port is None else f"{host}:{port}",
        target=f"{url.path or '/'}?{url.query_string}" if url.query_string is not None else url.path or "/",
        origin=(is_secure, host, port),
    )


def vet(target: ReceiverUrl, addresses: Sequence[IPAddress], allowed: Sequence[IPNetwork]) -> None:
    """Raise `AddressNotAllowed` unless every address of a URL may be called.

    Inside the `allowed` networks every address may, by plain http too; elsewhere public addresses may, by https.
    """
    others = [address for address in addresses if not _is_inside(address, allowed)]
    fault = None
    if not addresses:
        fault = f"{target.host} has no address"
    elif not all(is_public(address) for address in others):
        fault = f"{target.host} leads to an address that is not public"
    elif others and not target.is_secure:
        fault = "only https is called"
    if fault:
        raise AddressNotAllowed(fault)


def is_public(address: IPAddress) -> bool:
    """Return whether an address is one of the open internet and embeds no other address."""
    if isinstance(address, IPv6Address) and (address not in _PUBLIC_V6 or _embeds_address(address)):
        return False
    return not _is_inside(address, _REFUSED)


def _parse(text: str) -> Url | None:
    try:
        return Url(text)
    except ValueError:
        return None


def _find_fault(text: str, url: Url | None) -> str | None:
    if len(text) > MAX_URL_LENGTH or _FORBIDDEN_IN_URLS.search(text):
        return f"a URL has at most {MAX_URL_LENGTH} characters, and no blanks or backslashes"
    if url is None or url.scheme not in ("https", "http") or not url.host_str:
        return "not a URL that begins with https:// and a host"
    if not _WITHOUT_USER.match(text):
        return "a URL of a receiver has no user name or password in it"
    if url.fragment is not None:
        return "a URL of a receiver has no fragment (#)"
    if not url.port_or_known_default:
        return "there is no port 0"
    return None


def _embeds_address(address: IPv6Address) -> bool:
    return int(address) >> 32 & 0xFFFF_FFFF in _ISATAP


def _is_inside(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _literal(host: str) -> IPAddress | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None
