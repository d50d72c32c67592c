"""What is shown again and again ends with Ctrl-C, whatever it meets."""

from __future__ import annotations

import signal
from contextlib import suppress

import pytest

from hub.commands.screen import repeat


@pytest.mark.parametrize("is_swallowed", [False, True])
def test_ctrl_c_ends_it(*, is_swallowed: bool) -> None:
    """Ctrl-C ends the turn, or is the last one's where a library lost it; others hear it again afterwards."""
    before = signal.getsignal(signal.SIGINT)
    turns: list[int] = []

    def work() -> None:
        turns.append(1)
        if len(turns) < 3:
            return
        with suppress(*([KeyboardInterrupt] if is_swallowed else [])):
            signal.raise_signal(signal.SIGINT)

    repeat(work)
    assert len(turns) == 3
    assert signal.getsignal(signal.SIGINT) is before
