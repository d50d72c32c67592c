"""The connections of callers, and which of them gives way. In: a new one. Out: its place, or None when all are at work.

A new caller always gets in while any connection waits for its caller: the one that gives way has been least use, first
those that never sent a whole request, last those of callers with a token. So silence costs its sender only.
"""

from __future__ import annotations

import resource
from collections import defaultdict
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.settings import Settings
    from hub.settings.groups import Network

RESERVED_FILES: Final = 96
"""Files for all else: the database, receivers that are asked for their consent, the log."""
FEWEST: Final = 16
MOST_FILES: Final = 65_536


class Connected(Protocol):
    """A connection: whether it waits for its caller, since when (seconds of a steady clock), and its past use."""

    waits_since: float | None
    usefulness: int

    def give_way(self) -> None:
        """End the connection."""


@dataclass(kw_only=True, slots=True)
class Connections:
    """The connections of one process, at most `most`, and `most_per_address` of each address but a proxy's."""

    most: int
    most_per_address: int
    proxies: Collection[Network] = ()
    _by_address: dict[str, set[Connected]] = field(default_factory=lambda: defaultdict(set))
    _count: int = 0

    def admit(self, new: Connected, address: str) -> bool:
        """Take in a connection; return False where it has to be refused because no other one can give way."""
        own = self._by_address.get(address, set())
        if len(own) >= self.most_per_address and not self._is_proxy(address):
            if not self._make_room(own, address):
                return False
        elif self._count >= self.most and not self._make_room_anywhere():
            return False
        self._by_address[address].add(new)
        self._count += 1
        return True

    def forget(self, old: Connected, address: str) -> None:
        """Take out a connection that ended; one that gave way is out already."""
        own = self._by_address.get(address, set())
        if old in own:
            own.remove(old)
            self._count -= 1
            if not own:
                del self._by_address[address]

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def _make_room_anywhere(self) -> bool:
        """End a connection of the address that has the most, as far as one of them waits."""
        by_size = sorted(self._by_address.items(), key=lambda each: len(each[1]), reverse=True)
        return any(self._make_room(own, address) for address, own in by_size)

    def _make_room(self, own: set[Connected], address: str) -> bool:
        waiting = [(each.usefulness, each.waits_since, each) for each in own if each.waits_since is not None]
        if not waiting:
            return False
        *_, least = min(waiting, key=lambda each: each[:2])
        self.forget(least, address)
        least.give_way()
        return True

    def _is_proxy(self, address: str) -> bool:
        try:
            return bool(self.proxies) and any(ip_address(address) in network for network in self.proxies)
        except ValueError:
            return False


def connections_for(settings: Settings) -> Connections:
    """Return the bounds of the settings, or tighter ones where this process may open only a few files."""
    limits = settings.limits
    most = max(FEWEST, min(limits.connections, _allow_files() - RESERVED_FILES))
    return Connections(
        most=most,
        most_per_address=min(limits.connections_per_address, most),
        proxies=settings.http.trusted_proxies,
    )


def _allow_files() -> int:
    """Raise the limit of open files as far as this process may, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most if soft == resource.RLIM_INFINITY else max(soft, most)
