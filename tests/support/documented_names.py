"""Names in a text for people: commands, modules, topics, calls. In: Markdown. Out: the names, and which are wrong.

Used by the tests of the README and of the runbook, so that neither speaks of what is not there.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
from importlib import import_module
from typing import TYPE_CHECKING, Final

import typer.main

from hub.api.app import ROUTERS, UNVERSIONED, WATCHING
from hub.api.request_form import BASE
from hub.cli import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typer._click import Command

PROGRAMS: Final = {"osr-produce": "producers.cli", "osr-consume": "consumers.cli"}
COMMAND: Final = re.compile(r"(?<![\w./-])(?:osr-hub|osr-produce|osr-consume)(?![\w:/.-])(?:(?!  )[^`|\n)>,;])*")
CODE: Final = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
MODULE: Final = re.compile(r"(?<![\w./-])(?:hub|consumers|producers|schemas)(?:\.[a-z_]+)+\b")
TOPIC: Final = re.compile(r"(?<![\w.])(?:osr|duo)\.[a-z-]+\.v\d+\b")
SETTING: Final = re.compile(r"\bOSR_HUB_[A-Z_]*[A-Z]\b")
CALL: Final = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[\w/{}-]+)")


def code(text: str) -> str:
    """Return what is written as code: blocks, and text between backticks."""
    return "\n".join(CODE.findall(text))


def commands(text: str) -> list[list[str]]:
    """Find the commands of the hub in a text's code, each as its words; those without any word are names only."""
    found = (shlex.split(match.split(" # ")[0], comments=False) for match in COMMAND.findall(code(text)))
    return [words for words in found if len(words) > 1 or words[0] != "osr-hub"]


def fault_of(words: Sequence[str]) -> str | None:
    """Return why a command cannot be typed like this, or None."""
    if words[0] in PROGRAMS:
        return _fault(_command(import_module(PROGRAMS[words[0]])), words[1:])
    if words[1] == "--help":
        return None
    if words[1] not in COMMANDS:
        return f"osr-hub has no command {words[1]}"
    command = _command(import_module(COMMANDS[words[1]].module))
    return _fault(_children(command).get(words[1], command), words[2:])


def exists(module: str) -> bool:
    """Return whether a dotted name is a module of ours."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def calls() -> set[tuple[str, str]]:
    """List what the API can be asked: (method, path)."""
    return set(_calls())


def _calls() -> Iterator[tuple[str, str]]:
    routers = [(BASE, f"hub.api.{name}") for name in ROUTERS] + [("", name) for name in (*WATCHING, *UNVERSIONED)]
    for before, name in routers:
        for route in import_module(name).router.routes:
            for method in route.methods:
                yield method, before + route.path


def _command(module: object) -> Command:
    command: Command = typer.main.get_command(module.app)  # type: ignore[attr-defined]
    return command


def _children(command: Command) -> dict[str, Command]:
    return dict(getattr(command, "commands", {}))


def _fault(command: Command, words: Sequence[str]) -> str | None:
    if children := _children(command):
        if not words:
            return None
        return _fault(children[words[0]], words[1:]) if words[0] in children else f"no subcommand {words[0]}"
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in words if word.startswith("--") and word not in known]
    needed = [p.opts[0] for p in command.params if p.required and p.opts[0].startswith("--") and p.opts[0] not in words]
    if unknown:
        return f"{command.name} does not know {', '.join(unknown)}"
    return f"{command.name} needs {', '.join(needed)}" if words and needed else None
