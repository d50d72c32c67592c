"""How pytest-xdist runs the tests: how many workers, which files first, and how a worker tells why it stops the run.

In: the machine, the servers, the collected tests. Out: answers to hooks. A worker runs whole files of tests.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.servers.servers import Source

if TYPE_CHECKING:
    from tests.support.servers.servers import Servers

MOST_WORKERS: Final = 6
"""Each has a PostgreSQL and a Kafka of its own, which take half a gigabyte."""
FOLDERS: Final = ("chaos", "e2e", "browser", "flow", "contract", "store", "unit", "architecture")
"""Those with the longest files first."""
REASON: Final = "reason"


def count(servers: Servers) -> int:
    """Return how many workers to start: one more than there are cores, because tests also wait.

    With a Kafka that the environment names there are none: all hubs would be members of the same consumer groups.
    """
    if servers.kafka_source is Source.NAMED:
        return 0
    return min(len(os.sched_getaffinity(0)) + 1, MOST_WORKERS)


def position(item: pytest.Item) -> int:
    """Return where a test comes in the order of the run, by its folder."""
    folder = item.path.relative_to(item.config.rootpath / "tests").parts[0]
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


class Reasons:
    """Passes the reason of a `pytest.exit` from a worker to the controller, which ends the run with it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config: Any = config

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Send the reason from a worker."""
        if hasattr(self._config, "workeroutput") and isinstance(excinfo.value, pytest.exit.Exception):
            self._config.workeroutput[REASON] = excinfo.value.msg

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """End the run in the controller with the reason of a worker."""
        reason = getattr(node, "workeroutput", {}).get(REASON)
        if reason is not None:
            pytest.exit(reason, returncode=2)
