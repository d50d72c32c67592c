"""Text that others wrote is shown as text: on a terminal, in a pipe, in a body for programs, in a fault."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import orjson
import pytest

from tests.support.lanes.ledger_states import plan_all, report, take
from tests.support.register.subscriptions import grant, make_register
from tests.support.servers.commands import osr_hub, osr_hub_on_terminal

if TYPE_CHECKING:
    from hub.store.pool import Connection

HOSTILE: Final = "[/x] [link=http://example.invalid]klik[/link] \x1b[31mrood \u202eomgekeerd \x9b5m"
SHOWN: Final = r"[/x] [link=http://example.invalid]klik[/link] \x1b[31mrood \u202eomgekeerd \x9b5m"
STYLES: Final = re.compile(r"\x1b\[[0-9;]*m|[\r\n]")
"""What rich itself writes to make a table look well."""
STEERS: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
async def hub(connection: Connection, database: str) -> str:
    """A school, a branch, a system, a signal and reasons that carry markup; gives the database's address."""
    await make_register(connection)
    await grant(connection, service="RIO", routed=["18DS01"])
    await plan_all(connection)
    await take(connection, "duo:rio")
    one = await connection.fetchval("select id from deliveries where branch = '18DS01'")
    await report(connection, str(one), "rejected", HOSTILE)
    await connection.execute("update systems set name = $1", HOSTILE)
    await connection.execute("update schools set name = $1", HOSTILE)
    await connection.execute("update boards set name = $1", HOSTILE)
    await connection.execute(
        """insert into parked_records (topic, partition, "offset", headers, bytes, digest, reason, blame, detail,
             received_at) values ('x', 0, 0, '[]', '', '', 'schema', 'sender', $1, now())""",
        HOSTILE,
    )
    return database


COMMANDS: Final = (("status", "18DS"), ("parked", "list"))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_a_terminal_gets_text_and_no_orders(hub: str, words: tuple[str, ...]) -> None:
    """Nothing is read as markup, nothing becomes a link, and no control or direction character gets through."""
    code, shown = await osr_hub_on_terminal(hub, *words)
    plain = STYLES.sub("", shown)
    assert code == 0, shown
    assert SHOWN in plain
    assert STEERS.findall(plain) == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_a_pipe_gets_the_same_text(hub: str, words: tuple[str, ...]) -> None:
    """It may end on a terminal too."""
    code, said, failed = await osr_hub(hub, *words)
    assert code == 0, failed
    assert SHOWN in said
    assert STEERS.findall(said) == []


async def test_a_body_for_programs_has_the_text_as_it_is_in_escapes(hub: str) -> None:
    """A program reads what was written; a terminal is not steered by it."""
    code, said, failed = await osr_hub(hub, "status", "18DS", "--json")
    assert code == 0, failed
    assert STEERS.findall(said) == []
    assert orjson.loads(said)["name"] == HOSTILE


async def test_a_fault_names_what_was_given_as_text(hub: str) -> None:
    """Also where a name of somebody else stands in the sentence."""
    code, shown = await osr_hub_on_terminal(hub, "hold", "las:\x1b[31m[/x]\u202e", "--reason", "x")
    plain = STYLES.sub("", shown)
    assert code == 2
    assert r"las:\x1b[31m[/x]\u202e" in plain
    assert STEERS.findall(plain) == []
