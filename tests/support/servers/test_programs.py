"""Small programs for the supervisor. In: a folder to write in. Out: programs that tell there what happens to them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from hub.embedded.program import Program, ReadinessProbe

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import pathlib, signal, sys, time
folder, name, manners = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
def tell(word):
    with (folder / "story").open("a") as story:
        story.write(f"{name} {word}\\n")
def end(*_):
    tell("ends")
    if "stubborn" not in manners:
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
tell("begins")
if "broken" in manners:
    sys.exit("this toy is broken")
if "misconfigured" in manners:
    print("a setting is wrong")
    sys.exit(2)
(folder / f"{name}.up").write_text("up")
while True:
    time.sleep(60)
"""


def scripted_program(folder: Path, name: str, *manners: str, **more: Any) -> Program:
    """Describe a program that tells its story in `folder`, and is ready once it has set up to be ended."""
    more.setdefault("probe", is_up(folder, name))
    return Program(
        name=name,
        command=(sys.executable, "-I", "-S", "-c", SCRIPT, str(folder), name, *manners),
        environment={"PATH": os.environ["PATH"]},
        prepare=more.pop("prepare", forget_ready(folder, name)),
        **more,
    )


def forget_ready(folder: Path, name: str) -> Any:
    """Return a step that forgets that the toy was up."""

    async def forget() -> None:
        (folder / f"{name}.up").unlink(missing_ok=True)

    return forget


def is_up(folder: Path, name: str) -> ReadinessProbe:
    """Return the question whether a toy has set itself up."""

    async def ask(_pid: int) -> bool:
        return (folder / f"{name}.up").exists()

    return ask


def read_events(folder: Path) -> list[str]:
    """Read what the toys told, in order."""
    return (folder / "story").read_text().splitlines()
