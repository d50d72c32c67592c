"""What this machine lacks when a request cannot be sent. In: an error. Out: a fault of the hub, or None.

No receiver is to blame for files, memory, ports, a network or a name service that are missing here.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING, Final

from hub.outbound.answers import OwnFault

if TYPE_CHECKING:
    from collections.abc import Iterable

_WANTING: Final = {
    errno.EMFILE: ("this process may open no more files", "Raise its limit on open files (ulimit -n)"),
    errno.ENFILE: ("this machine can open no more files", "Raise fs.file-max, or stop what holds them"),
    errno.ENOMEM: ("this machine has no memory left for connections", "Give it more, or stop what uses it up"),
    errno.ENOBUFS: ("this machine has no memory left for connections", "Give it more, or stop what uses it up"),
}
_FORBIDDEN: Final = frozenset({errno.EPERM, errno.EACCES})
_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EAFNOSUPPORT})
_ANYWHERE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def own_fault(causes: Iterable[BaseException]) -> OwnFault | None:
    """Return what is at fault here when connections failed for these causes, one per address; None when nothing is."""
    numbers = {
        cause.errno or 0 for cause in causes if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError)
    }
    for number in numbers & _WANTING.keys():
        return _fault(*_WANTING[number])
    if numbers and numbers <= _FORBIDDEN:
        return _fault("this machine forbids the connection", "Let it through the firewall", is_general=False)
    if numbers == {errno.EADDRNOTAVAIL}:
        return _fault("this machine has no free port to call from", "Widen net.ipv4.ip_local_port_range")
    if numbers and numbers <= _NO_WAY | {errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}:
        if not has_network():
            return _fault("this machine has no network", "Bring its network up")
        if errno.EHOSTUNREACH not in numbers:
            words = "this machine has no way to the addresses of the receiver"
            return _fault(words, "Give it a route there (is IPv6 missing?)", is_general=False)
    return None


def shortage() -> OwnFault | None:
    """Return what this process has run out of at this moment: a library may hide it behind an error of another name."""
    try:
        socket.socket().close()
    except OSError as error:
        return own_fault([error])
    return None


def has_network() -> bool:
    """Return whether there is a route to the rest of the world; nothing is sent."""
    return any(_has_route(family, address) for family, address in _ANYWHERE)


def _has_route(family: int, address: str) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, 9))
    except OSError as error:
        return error.errno in _WANTING
    return True


def _fault(error: str, next_step: str, *, is_general: bool = True) -> OwnFault:
    return OwnFault(error=error, next_step=next_step, is_general=is_general)
