"""Small programs for the supervisor. In: a folder to write in. Out: programs that record there what they do."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from hub.embedded.program import Program, ReadinessProbe

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import pathlib, signal, sys, time
folder, name, behaviour = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
def record(word):
    with (folder / "events").open("a") as events:
        events.write(f"{name} {word}\\n")
def end(*_):
    record("ends")
    if "stubborn" not in behaviour:
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
record("begins")
if "broken" in behaviour:
    sys.exit("this program is broken")
if "misconfigured" in behaviour:
    print("a setting is wrong")
    sys.exit(2)
(folder / f"{name}.up").write_text("up")
if "weak" in behaviour:
    time.sleep(0.5)
    sys.exit("this program is weak")
while True:
    time.sleep(60)
"""


def scripted_program(folder: Path, name: str, *behaviour: str, **more: Any) -> Program:
    """Describe a program that records its events in `folder`, and is ready once it handles signals."""
    more.setdefault("probe", is_up(folder, name))
    return Program(
        name=name,
        command=(sys.executable, "-I", "-S", "-c", SCRIPT, str(folder), name, *behaviour),
        environment={"PATH": os.environ["PATH"]},
        prepare=more.pop("prepare", forget_ready(folder, name)),
        **more,
    )


def forget_ready(folder: Path, name: str) -> Any:
    """Return a step that removes the program's mark of readiness."""

    async def forget() -> None:
        (folder / f"{name}.up").unlink(missing_ok=True)

    return forget


def is_up(folder: Path, name: str) -> ReadinessProbe:
    """Return the probe whether a program has marked itself ready."""

    async def ask(_pid: int) -> bool:
        return (folder / f"{name}.up").exists()

    return ask


def read_events(folder: Path) -> list[str]:
    """Return the recorded events, in order."""
    return (folder / "events").read_text().splitlines()
