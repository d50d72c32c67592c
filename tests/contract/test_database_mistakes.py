"""Every command with every mistake in the database's address: one sentence and exit code 2, never a traceback.

A process that runs for long waits instead for what passes by itself, and says so in its log.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from hub.access.development import ensure_keyfile
from tests.support.sealing_keys import new_key
from tests.support.servers.false_postgres import refusing_postgres
from tests.support.servers.forked_commands import Outcome, Run, run_all
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ID: Final = "0190b7a2-0000-7000-8000-000000000000"
WHY: Final = ("--reason", "a test")
FILE: Final = str(Path(__file__).parents[2] / "README.md")
COMMANDS: Final = [
    ("migrate",),
    ("import", "schools", FILE),
    ("import", "systems", FILE),
    ("import", "mandates", FILE),
    ("agreements", "show", "41561"),
    ("status", "18DS"),
    ("lag",),
    ("deliveries",),
    ("hold", "duo:rio", *WHY),
    ("release", "duo:rio", *WHY),
    ("cancel", ID, *WHY),
    ("replay", "--destination", "duo:rio", "--dry-run"),
    ("cancel-many", "--destination", "duo:rio", "--dry-run"),
    ("acts", "list"),
    ("parked", "list"),
    ("keys", "list"),
    ("recover", "--dry-run"),
    ("verify",),
    ("retention", "--dry-run"),
    ("anchor",),
    ("people", "show", "somebody"),
    ("services", "list"),
    ("systems", "list"),
    ("up", "--without-simulators"),
]
LONG: Final = [("osr-hub", "serve"), ("osr-produce",), ("osr-consume",)]
LASTING: Final = {
    "password": "refuses the role or its password",
    "role": "refuses the role or its password",
    "database": "there is no such database",
    "tls": "the database speaks no TLS",
    "port": "OSR_HUB_DATABASE__DSN: the port of the database is no number",
    "word": "OSR_HUB_DATABASE__DSN: sslmod is no word of a database's address here; did you mean sslmode?",
    "pooler": "the pooler before the database refuses",
}
PASSING: Final = {
    "closed": "the database does not answer",
    "starting": "the database does not take connections yet",
    "full": "the database has no free connection",
    "host": "the host of the database is not known",
}


@pytest.fixture(scope="module")
async def outcomes(
    postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[tuple[str, ...], str], Outcome]:
    """Return what became of every command with every mistake."""
    folder = tmp_path_factory.mktemp("mistakes")
    where = urlsplit(postgres)
    server = f"{where.hostname}:{where.port}"
    async with AsyncExitStack() as stack:
        starting = await stack.enter_async_context(refusing_postgres("57P03", "the database system is starting up"))
        full = await stack.enter_async_context(refusing_postgres("53300", "sorry, too many clients already"))
        pooler = await stack.enter_async_context(
            refusing_postgres("08P01", "unsupported startup parameter: application_name")
        )
        dsns = {
            "password": f"postgresql://postgres:wrong@{server}/postgres",
            "role": f"postgresql://nobody:wrong@{server}/postgres",
            "database": where._replace(path="/no_such_database").geturl(),
            "tls": starting.dsn("?sslmode=require"),
            "port": "postgresql://osr:hush@localhost:many/osr",
            "word": "postgresql://osr:hush@localhost/osr?sslmod=require",
            "pooler": pooler.dsn(),
            "closed": f"postgresql://osr:hush@127.0.0.1:{free_port()}/osr",
            "starting": starting.dsn(),
            "full": full.dsn(),
            "host": "postgresql://osr:hush@nowhere.invalid/osr",
        }
        runs = {
            (words, mistake): Run(
                words=_placed(words, folder / mistake), settings=_settings(folder, dsn), stop_after=stop
            )
            for mistake, dsn in dsns.items()
            for words, stop in _commands()
        }
        return dict(zip(runs, await run_all(list(runs.values()), folder), strict=True))


def _commands() -> Iterator[tuple[tuple[str, ...], str]]:
    yield from ((("osr-hub", *words), "") for words in COMMANDS)
    yield from ((words, "database.away") for words in LONG)


def _placed(words: tuple[str, ...], data: Path) -> tuple[str, ...]:
    return (*words, "--data-dir", str(data)) if "up" in words else words


def _settings(folder: Path, dsn: str) -> dict[str, str]:
    ensure_keyfile(folder / "key.json")
    return {
        "OSR_HUB_DATABASE__DSN": dsn,
        "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "OSR_HUB_AUTH__DEVELOPMENT_KEYFILE": str(folder / "key.json"),
        "OSR_HUB_SECRETS__KEYS": new_key(),
        "OSR_HUB_HTTP__PORT": "0",
        "OSR_HUB_OIN": "00000099000000009000",
    }


@pytest.mark.parametrize("mistake", LASTING)
def test_what_stays_wrong_is_a_sentence_of_every_command(
    outcomes: dict[tuple[tuple[str, ...], str], Outcome], mistake: str
) -> None:
    """Exit code 2, the words of the mistake, one or two lines, and no secret."""
    for words, _ in _commands():
        found = outcomes[words, mistake]
        last = [line for line in found.said.splitlines() if not line.startswith("{")]
        assert (found.code, LASTING[mistake] in found.said) == (2, True), (words, found)
        assert "Traceback" not in found.said, (words, found)
        assert "hush" not in found.said
        assert len(last) <= 3, (words, found)


@pytest.mark.parametrize("mistake", PASSING)
def test_what_passes_is_a_sentence_or_is_waited_for(
    outcomes: dict[tuple[tuple[str, ...], str], Outcome], mistake: str
) -> None:
    """A command says it and exits with 2; a long-running process logs it, tries again, and stops when told to."""
    for words, stop in _commands():
        found = outcomes[words, mistake]
        assert (found.code, PASSING[mistake] in found.said) == (0 if stop else 2, True), (words, found)
        assert "Traceback" not in found.said, (words, found)
