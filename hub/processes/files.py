"""The limit on open files of this process. In: nothing. Out: a limit raised as far as may be, and how many are left."""

from __future__ import annotations

import errno
import resource
from pathlib import Path
from typing import Final

SPARE_FILES: Final = 64
"""For the database, the broker, logs, and what libraries open."""
NO_LIMIT: Final = 2**20
_NO_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})


def raise_file_limit() -> int:
    """Raise this process's limit on open files as far as it may, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return _limit()


def files_left() -> int:
    """Return how many more files this process may open, without those that are spared."""
    try:
        opened = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError as error:  # a machine without /proc, or no file left to list it with
        opened = _limit() if error.errno in _NO_FILES else 0
    return _limit() - opened - SPARE_FILES


def _limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return NO_LIMIT if soft == resource.RLIM_INFINITY else soft
