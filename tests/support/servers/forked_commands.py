"""Runs many commands quickly: one process loads all of them once, and forks for each run.

In: a list of (settings, words). Out: per run its exit code and everything that it printed. A run that is still at work
after `still_running` has been printed is asked to stop by SIGTERM.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

WITHIN: Final = 30.0
SIDE_BY_SIDE: Final = 6


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a command: what it is given, and the word of a log line after which it is asked to stop."""

    words: tuple[str, ...]
    settings: dict[str, str]
    stop_after: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a run; the code is None when it had to be killed."""

    code: int | None
    said: str
    seconds: float


async def run_all(runs: list[Run], folder: Path) -> list[Outcome]:
    """Run them all and return their outcomes in their order."""
    given = json.dumps([{"words": run.words, "settings": run.settings, "stop": run.stop_after} for run in runs])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OSR_HUB_", "PG"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.servers.forked_commands", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**inherited, "PYTHONPATH": str(Path(__file__).parents[3])},
        cwd=folder,
    )
    said, _ = await process.communicate(given.encode())
    return [Outcome(**one) for one in json.loads(said)]


def main() -> None:
    """Read runs on standard input and print their outcomes."""
    from hub.cli import COMMANDS  # noqa: PLC0415 - only this process loads them

    for entry in COMMANDS.values():
        import_module(entry.module)
    for name in ("consumers.planning.planner", "consumers.forwarding.forwarder", "producers.relay"):
        import_module(name)
    folder = Path(sys.argv[1])
    waiting = list(enumerate(json.load(sys.stdin)))
    outcomes: dict[int, dict[str, Any]] = {}
    at_work: dict[int, tuple[int, float, dict[str, Any]]] = {}
    while waiting or at_work:
        while waiting and len(at_work) < SIDE_BY_SIDE:
            number, run = waiting.pop(0)
            at_work[number] = (_start(run, folder / f"{number}.said"), time.monotonic(), run)
        for number, (pid, started, run) in list(at_work.items()):
            code = _look(pid, folder / f"{number}.said", run["stop"], started)
            if code is not None:
                said = (folder / f"{number}.said").read_text(errors="replace")
                outcomes[number] = {
                    "code": code if code >= 0 else None,
                    "said": said,
                    "seconds": time.monotonic() - started,
                }
                del at_work[number]
        time.sleep(0.02)
    json.dump([outcomes[number] for number in sorted(outcomes)], sys.stdout)


def _look(pid: int, said: Path, stop_after: str, started: float) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
        return os.waitstatus_to_exitcode(status)
    if time.monotonic() - started > WITHIN:
        os.kill(pid, signal.SIGKILL)
    elif stop_after and stop_after in said.read_text(errors="replace"):
        os.kill(pid, signal.SIGTERM)
    return None


def _start(run: dict[str, Any], output: Path) -> int:
    output.touch()
    pid = os.fork()
    if pid:
        return pid
    for descriptor in (1, 2):
        os.dup2(os.open(output, os.O_WRONLY | os.O_APPEND), descriptor)
    os.environ.update(run["settings"])
    code = 70
    try:
        program, *words = run["words"]
        sys.argv = [program, *words]
        module = {"osr-hub": "hub.cli", "osr-produce": "producers.cli", "osr-consume": "consumers.cli"}[program]
        import_module(module).main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 - printed as Python would
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
