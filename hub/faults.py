"""Places where a test lets a process die, exactly between two steps. In: a name. Out: nothing, ever, in production.

Whoever writes in two places that cannot commit together names the moments between them, and a test ends the process
there as a power cut would: `deploy/crash-matrix.md` tells what came of each. The variable belongs to the tests alone.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE: Final = "OSR_HUB_TEST_DIE_AT"
"""`point` or `point:n`: the n-th time that the process comes by, the first when no number is given."""


def _ignore(_point: str) -> None:
    """Go on."""


def arm(wanted: str) -> Callable[[str], None]:
    """Make what ends this process at a point, at once and without any chance to tidy up."""
    name, _, nth = wanted.partition(":")
    left = int(nth or 1)

    def die_there(point: str) -> None:
        nonlocal left
        if point != name:
            return
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    return die_there


here: Final = arm(os.environ[VARIABLE]) if VARIABLE in os.environ else _ignore
"""Say where the process is; `point` is written as it stands in the table."""
