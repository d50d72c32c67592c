"""`osr-hub`: the command line. In: words. Out: an answer on standard output, faults in words on standard error.

Exit codes: 0 done, 1 the answer is "no", 2 wrong usage, configuration or input. A command's module is loaded when it
runs, so that `--help` stays quick.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer
import typer.core
import typer.main

from hub.errors import ChoreEnded, HubError

if TYPE_CHECKING:
    from collections.abc import Iterator

WRONG: Final = 2
ENDED: Final = 1
"""For a process that ended because a part of it did: it is not set up wrongly, and may be started again."""
INTERRUPTED: Final = 130
NOBODY_ELSE: Final = 0o077
OTHERS_WRITE: Final = 0o022
"""Others never write in what a command creates, however open the caller's umask is."""
NEWLINE: Final = "\n"


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command: where it is, and what it does in one line.

    Its module has an `app`; of an app with several commands the one with this name is taken, else all of them are
    subcommands.
    """

    module: str
    says: str


COMMANDS: Final = {
    "up": CommandEntry("hub.commands.up", "Run the whole stack on this machine."),
    "demo": CommandEntry("hub.commands.demo", "Tell the whole story on real schools, and stop."),
    "sandbox": CommandEntry("hub.commands.sandbox", "Give a supplier a stack of its own, and scenes to press."),
    "migrate": CommandEntry("hub.commands.migrate", "Bring the database to the newest schema."),
    "topics": CommandEntry("hub.commands.topics", "Create Kafka's topics and check those that exist."),
    "serve": CommandEntry("hub.commands.serve", "Serve the API, the console and the metrics."),
    "import": CommandEntry("hub.commands.import_", "Import schools, systems or mandates from a file."),
    "services": CommandEntry("hub.commands.services", "List, add or change what mandates can be for."),
    "systems": CommandEntry("hub.commands.systems", "List the systems that may be mandated."),
    "agreements": CommandEntry("hub.commands.agreements", "Note what boards signed."),
    "status": CommandEntry("hub.commands.status", "Show per branch what was sent and whether it is processed."),
    "lag": CommandEntry("hub.commands.lag", "Show what is late, whose turn it is, and what to press."),
    "statement": CommandEntry("hub.commands.statement", "Show what each party owed and took in a month."),
    "deliveries": CommandEntry("hub.commands.deliveries", "List what was told to whom."),
    "delivery": CommandEntry("hub.commands.delivery", "Show what happened to one message, and what to do next."),
    "hold": CommandEntry("hub.commands.hold", "Let nothing go to a destination, or nothing of some schools."),
    "release": CommandEntry("hub.commands.hold", "Let it go again."),
    "cancel": CommandEntry("hub.commands.hold", "Cancel a delivery that waits."),
    "replay": CommandEntry("hub.commands.bulk", "Send the current state of many deliveries again."),
    "cancel-many": CommandEntry("hub.commands.bulk", "Cancel many deliveries that wait."),
    "acts": CommandEntry("hub.commands.acts", "List, show, approve or stop replays and cancellations."),
    "parked": CommandEntry("hub.commands.parked", "List, retry or discard records that could not be used."),
    "keys": CommandEntry("hub.commands.keys", "List or replace keys that sign, and seal secrets anew."),
    "recover": CommandEntry(
        "hub.commands.recover", "Read the published log back into a database restored from a backup."
    ),
    "verify": CommandEntry("hub.commands.verify", "Check the ledger: events, deliveries, lanes, the audit."),
    "retention": CommandEntry("hub.commands.retention", "Take away what is older than the settings say."),
    "anchor": CommandEntry("hub.commands.anchor", "Print today's seal over the whole audit."),
    "people": CommandEntry("hub.commands.people", "Say whose pseudonyms stand in the audit, or forget it."),
    "doctor": CommandEntry("hub.commands.doctor", "Say what is wrong with this installation."),
    "qualify": CommandEntry("hub.commands.qualify", "Play the hub against a receiver, and say what it does wrong."),
    "token": CommandEntry("hub.commands.token", "Make a development token."),
    "simulate": CommandEntry("hub.commands.simulate", "Be a believable DUO or LAS, or a login for development."),
}


class _Later(typer.core.TyperCommand):
    """Stands for a command until it runs."""

    def __init__(self, name: str, entry: CommandEntry) -> None:
        super().__init__(name, help=entry.says)
        self._entry = entry

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401 - the library's signature
        """Load the command and let it take over."""
        return _load(str(self.name), self._entry).make_context(info_name, args, parent, **extra)


class _Commands(typer.core.TyperGroup):
    """All commands of the table, without loading any."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - the library's signature
        settings["commands"] = {name: _Later(name, entry) for name, entry in COMMANDS.items()}
        super().__init__(**settings)


app = typer.Typer(
    name="osr-hub",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Pushes every mandate change to DUO and the administration systems, and tracks what they did with it.",
)


@app.callback()
def _root() -> None:
    """Push every mandate change to DUO and the administration systems, and track what they did with it."""


def main() -> None:
    """Run the command line."""
    run_app(app)


def run_app(application: typer.Typer) -> NoReturn:
    """Run a command line to its end: faults that are known become a sentence and exit code 2."""
    _print_on_any_terminal()
    os.umask(os.umask(NOBODY_ELSE) | OTHERS_WRITE)
    try:
        application()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        faults = [_explain(one) for one in _leaves(error)]
        known = [fault for fault in faults if fault is not None]
        if len(known) < len(faults):
            raise
        _say(known, ENDED if all(isinstance(fault, ChoreEnded) for fault in known) else WRONG)
    sys.exit(0)


def _print_on_any_terminal() -> None:
    """Show characters that the terminal's encoding does not have as escapes, instead of failing on them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _explain(error: Exception) -> HubError | None:
    """Return an error in words; None when it is a fault of the hub's own."""
    if isinstance(error, HubError):
        return error
    if type(error).__module__.startswith("asyncpg"):
        from hub.store.reasons import explain_known  # noqa: PLC0415 - a command that works does not need it

        return explain_known(error)
    if isinstance(error, ConnectionError):
        return HubError(f"a server that is needed does not answer: {error}", next_step="`osr-hub doctor` says which.")
    return None


def _say(faults: list[HubError], code: int) -> NoReturn:
    from schemas.text import make_visible  # noqa: PLC0415 - a command that works does not need it

    for fault in faults:
        sys.stderr.write(f"osr-hub: {make_visible(str(fault), keep=NEWLINE)}\n")
    sys.exit(code)


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _load(name: str, entry: CommandEntry) -> Any:  # noqa: ANN401 - the library's classes have no public names
    one = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=entry.says, no_args_is_help=True)
    one.callback()(lambda: None)
    one.add_typer(import_module(entry.module).app)
    group: Any = typer.main.get_command(one)
    commands = dict(group.commands)
    if len(commands) == 1:
        return next(iter(commands.values()))
    return commands.get(name, group)


if __name__ == "__main__":
    main()
