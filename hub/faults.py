"""Points where a test kills a process, exactly between two steps. In: a name. Out: nothing, ever, in production.

Code that writes to two systems which cannot commit together names the moments between the writes, and a test kills the
process there as a power cut would: `deploy/crash-matrix.md` has the result of each. Only tests set the variable.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE: Final = "OSR_HUB_TEST_DIE_AT"
"""`point` or `point:n`: the n-th time that the process reaches it, the first when no number is given."""


def _ignore(_point: str) -> None:
    """Do nothing."""


def arm(armed: str) -> Callable[[str], None]:
    """Return a function that kills this process at a point, without any clean-up."""
    name, _, nth = armed.partition(":")
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
"""Mark the point that the process has reached, by its name in the table."""
