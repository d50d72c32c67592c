"""Ports for servers of the tests. Out: a port that is free, and that no other worker and no client is given."""

from __future__ import annotations

import os
import random
import socket
from itertools import cycle
from typing import Final

EACH: Final = 1000
WORKER: Final[int] = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FIRST: Final[int] = 12_000 + WORKER * EACH
"""Below the ports that the hub chooses for its servers, and those that the system gives to outgoing connections."""
START: Final = random.SystemRandom().randrange(EACH)
OFFSETS: Final[cycle[int]] = cycle([*range(START, EACH), *range(START)])


def free_port() -> int:
    """Return a port on which nobody listens; the same one comes again only after a thousand others."""
    return next(FIRST + offset for offset in OFFSETS if _is_free(FIRST + offset))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
