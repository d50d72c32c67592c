"""Whether a process beside us has ended: told by its number and its moment of birth, never guessed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from hub.store.processes import has_ended, start_ticks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a heartbeat tells")
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_whoever_runs_is_there_and_so_is_whoever_is_paused() -> None:
    """A paused process is not gone: it may come back, and its heartbeat says when it is late."""
    with subprocess.Popen(SLEEP) as process:  # noqa: S603 - words of this file
        began = start_ticks(process.pid)
        os.kill(process.pid, signal.SIGSTOP)
        paused = has_ended(process.pid, began)
        process.kill()
    assert began is not None
    assert not paused
    assert not has_ended(os.getpid(), start_ticks(os.getpid()))


def test_whoever_was_killed_is_gone_even_before_its_parent_knows() -> None:
    """A process that nobody has waited for keeps its number, and sends nothing any more."""
    with subprocess.Popen(SLEEP) as process:  # noqa: S603 - words of this file
        began = start_ticks(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        unwaited = has_ended(process.pid, began)
    assert unwaited
    assert has_ended(process.pid, began)


def test_whoever_has_the_number_now_is_another() -> None:
    """In a container that was started anew everybody is number one again."""
    began = start_ticks(os.getpid())
    assert began is not None
    assert has_ended(os.getpid(), began - 1)
