"""The promises of the supervisor, on small scripted programs."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.embedded.errors import StartFailed
from hub.embedded.program import Timing
from hub.embedded.supervisor import Supervisor
from hub.errors import EmbeddedUnavailable
from tests.support.servers.scripted_programs import is_up, read_events, scripted_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from hub.embedded.program import Program

QUICK = Timing(look=0.02, ask=0.02, maintain=0.02, again=(0.0, 0.02), tries=4)


@asynccontextmanager
async def supervised(
    folder: Path, *programs: Program, changed: Callable[[], None] = lambda: None
) -> AsyncIterator[Supervisor]:
    """Run programs for as long as the context lasts."""
    supervisor = Supervisor(programs, logs=folder, pace=QUICK, changed=changed)
    try:
        await supervisor.start(within=90)
        yield supervisor
    finally:
        await supervisor.stop(within=5)


async def eventually(claim: Callable[[], bool]) -> None:
    """Wait until a claim holds."""
    async with asyncio.timeout(90):
        while not claim():
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    """Return whether a process runs; one that ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def command_of(pid: int) -> list[bytes]:
    """Read the words a process was started with."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


async def test_the_number_is_the_programs_own(tmp_path: Path) -> None:
    """The published number is the program itself, in a session of its own, and not its starter."""
    async with supervised(tmp_path, scripted_program(tmp_path, "a")) as supervisor:
        [(name, pid)] = supervisor.pids
        words = command_of(pid)
        assert (name, words[-2], os.getsid(pid)) == ("a", b"a", pid)
        assert b"parent_death" not in b" ".join(words)


async def test_what_dies_is_started_again(tmp_path: Path) -> None:
    """A killed program is back at once under another number, which is published at its start."""
    starts: list[None] = []
    async with supervised(tmp_path, scripted_program(tmp_path, "a"), changed=lambda: starts.append(None)) as supervisor:
        [(_, first)] = supervisor.pids
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: supervisor.pids not in ((), (("a", first),)))
        await supervisor.wait_ready()
        assert len(starts) == 2
    assert read_events(tmp_path) == ["a begins", "a begins", "a ends"]


async def test_programs_start_in_their_order_and_end_in_reverse(tmp_path: Path) -> None:
    """One that needs others begins when these are ready, and ends before they are asked to."""
    a, b, c = (
        scripted_program(tmp_path, "a"),
        scripted_program(tmp_path, "b", depends_on=("a",)),
        scripted_program(tmp_path, "c", depends_on=("a", "b")),
    )
    async with supervised(tmp_path, a, b, c):
        pass
    assert read_events(tmp_path) == ["a begins", "b begins", "c begins", "c ends", "b ends", "a ends"]


async def test_stopping_is_bounded(tmp_path: Path) -> None:
    """One that ignores the request to end is killed in its share of the time; the others end well."""
    programs = (scripted_program(tmp_path, "a"), scripted_program(tmp_path, "b", "stubborn", depends_on=("a",)))
    supervisor = Supervisor(programs, logs=tmp_path, pace=QUICK, changed=lambda: None)
    await supervisor.start(within=90)
    pids = [pid for _, pid in supervisor.pids]
    started = time.monotonic()
    await supervisor.stop(within=1)
    assert time.monotonic() - started < 1.5
    assert [pid for pid in pids if lives(pid)] == []
    assert read_events(tmp_path)[2:] == ["b ends", "a ends"]


async def test_a_wrong_setting_fails_the_start_at_once(tmp_path: Path) -> None:
    """A program that exits with a wrong configuration is not tried again, and its own words are shown."""
    with pytest.raises(StartFailed, match=r"a does not start: it ends with code 2(.|\n)*a setting is wrong"):
        async with supervised(tmp_path, scripted_program(tmp_path, "a", "misconfigured", fatal_exit_codes=(2,))):
            pass
    assert read_events(tmp_path) == ["a begins"]


async def test_a_broken_program_fails_the_start_after_some_tries(tmp_path: Path) -> None:
    """A program that never comes up is tried a few times; then the start fails and names its log."""
    with pytest.raises(StartFailed, match=r"it ends with code 1.*a\.log(.|\n)*this program is broken"):
        async with supervised(
            tmp_path, scripted_program(tmp_path, "a", "broken"), scripted_program(tmp_path, "b", depends_on=("a",))
        ):
            pass
    assert read_events(tmp_path) == ["a begins"] * QUICK.tries


async def test_a_program_that_comes_up_and_ends_fails_the_start_too(tmp_path: Path) -> None:
    """One that is ready for a moment each time, while another is not yet, is given up with its last words."""
    never = scripted_program(tmp_path, "b", probe=is_up(tmp_path, "nothing"))
    with pytest.raises(StartFailed, match=r"a does not start: it ends with code 1(.|\n)*this program is weak"):
        async with supervised(tmp_path, scripted_program(tmp_path, "a", "weak"), never):
            pass
    assert read_events(tmp_path).count("a begins") == QUICK.flaps


async def test_a_program_that_never_comes_up_is_counted_however_long_it_runs(tmp_path: Path) -> None:
    """Ending late each time is no sign of steadiness while it was never ready."""
    quick = replace(QUICK, steady=0.0)
    supervisor = Supervisor(
        [scripted_program(tmp_path, "a", "broken")], logs=tmp_path, pace=quick, changed=lambda: None
    )
    with pytest.raises(StartFailed):
        await supervisor.start(within=90)
    await supervisor.stop(within=5)
    assert read_events(tmp_path) == ["a begins"] * QUICK.tries


@pytest.mark.parametrize(
    "lasting", [EmbeddedUnavailable("this cannot run here"), PermissionError(errno.EACCES, "Permission denied")]
)
async def test_what_will_not_change_fails_the_start_at_once(tmp_path: Path, lasting: Exception) -> None:
    """A preparation that is refused for a lasting reason is not tried again, and the reason is the sentence."""
    tried: list[None] = []

    async def refuse() -> None:
        tried.append(None)
        raise lasting

    with pytest.raises(EmbeddedUnavailable, match=r"this cannot run here|a cannot be prepared: .*Permission denied"):
        async with supervised(tmp_path, scripted_program(tmp_path, "a", prepare=refuse)):
            pass
    assert len(tried) == 1


async def test_files_that_vanish_meanwhile_are_tried_again(tmp_path: Path) -> None:
    """A folder that is wiped during the preparation does not fail the start."""
    tried: list[None] = []

    async def vanish_twice() -> None:
        (tmp_path / "a.up").unlink(missing_ok=True)
        tried.append(None)
        if len(tried) < 3:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    async with supervised(tmp_path, scripted_program(tmp_path, "a", prepare=vanish_twice)):
        assert len(tried) == 3


def test_nothing_is_started_eleven_times_before_it_is_said() -> None:
    """A program that never comes up has three tries."""
    assert Timing().tries == 3


async def test_a_program_that_lost_its_data_is_started_anew(tmp_path: Path) -> None:
    """A program that runs on although its data are gone is killed; its start creates the data again."""
    data = tmp_path / "data"

    async def lay_down() -> None:
        (tmp_path / "a.up").unlink(missing_ok=True)
        data.mkdir(exist_ok=True)

    program = scripted_program(tmp_path, "a", prepare=lay_down, is_lost=lambda: not data.exists())
    async with supervised(tmp_path, program) as supervisor:
        before = supervisor.pids
        data.rmdir()
        await eventually(lambda: data.exists() and supervisor.pids not in ((), before))
        await supervisor.wait_ready()


async def test_a_step_that_fails_is_taken_again(tmp_path: Path) -> None:
    """A program is ready only after `on_ready` succeeded, however often it had to be tried; then it is maintained."""
    tried: list[str] = []

    async def on_ready() -> None:
        tried.append("settle")
        if len(tried) < 3:
            raise ConnectionError

    async def maintain() -> None:
        tried.append("tend")
        raise ConnectionError

    async with supervised(tmp_path, scripted_program(tmp_path, "a", on_ready=on_ready, maintain=maintain)):
        assert tried[:3] == ["settle"] * 3
        await eventually(lambda: tried[3:5] == ["tend"] * 2)


def test_pauses_grow_while_a_program_dies_again_and_again() -> None:
    """The first start after a death is at once; the pauses grow to two seconds."""
    assert [Timing().pause(deaths) for deaths in range(9)] == [0.0, 0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


ORPHANING = """
import asyncio, pathlib, sys
from hub.embedded.supervisor import Supervisor
from tests.support.servers.scripted_programs import scripted_program
async def main(folder):
    supervisor = Supervisor([scripted_program(folder, "a", "stubborn")], logs=folder, changed=lambda: None)
    await supervisor.start()
    print(dict(supervisor.pids)["a"], flush=True)
    await asyncio.sleep(60)
asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


def test_programs_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    """A supervisor that is killed leaves nothing behind, not even a program that does not want to end."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", ORPHANING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as parent:  # noqa: S603 - our own words
        assert parent.stdout is not None
        while not (line := parent.stdout.readline()).strip().isdigit():
            assert line, "the supervisor ended"
        pid = int(line)
        assert lives(pid)
        parent.kill()
    asyncio.run(eventually(lambda: not lives(pid)))
