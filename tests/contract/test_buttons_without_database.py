"""An operator with a token and no password of the database presses every button, through the API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson
import pytest

from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.clock import now
from schemas.identifiers import Brin
from tests.support.lanes.ledger_states import plan_all, take
from tests.support.register.subscriptions import grant, make_register
from tests.support.servers.commands import osr_hub
from tests.support.servers.serving import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Connection

NO_DATABASE: Final = ""
BUTTONS: Final = frozenset({
    "hold", "release", "cancel", "parked list", "parked retry", "parked discard", "replay", "cancel-many", "acts list",
    "acts show", "acts approve", "acts stop",
})  # fmt: skip
"""Every command that presses, and those that show what can be pressed."""


@pytest.fixture
async def operators(connection: Connection, database: str, tmp_path: Path) -> AsyncIterator[dict[str, dict[str, str]]]:
    """Serve a hub where messages of one school wait; give the settings of two people without a database."""
    await make_register(connection)
    await grant(connection, service="RIO", routed=["18DS01"])
    await plan_all(connection)
    await take(connection, "duo:rio")
    await grant(connection, Brin("00AA"), service="RIO")
    await plan_all(connection)
    for offset in (1, 2):
        await connection.execute(
            """insert into parked_records (topic, partition, "offset", headers, bytes, digest, reason, blame, detail,
                                           received_at)
               values ('duo.reports.v1', 0, $1, '[]', 'x', sha256('x'), 'unparsable', 'sender', 'no JSON', now())""",
            offset,
        )
    keyfile = tmp_path / "key.json"
    ensure_keyfile(keyfile)
    served = {
        "DATABASE__DSN": database, "AUTH__DEVELOPMENT_KEYFILE": str(keyfile), "OIN": "00000099000000009000",
        "OPERATIONS__FOUR_EYES_ABOVE": "1",
    }  # fmt: skip
    async with serving(served) as port:
        yield {
            name: {
                "OSR_HUB_HTTP__PUBLIC_URL": f"http://127.0.0.1:{port}",
                "OSR_HUB_TOKEN": issue(keyfile, Caller(subject=name, roles=frozenset({Role.OPERATIONS})), now=now()),
            }
            for name in ("ann", "bob")
        }


async def test_every_button_goes_through_the_api(operators: dict[str, dict[str, str]], connection: Connection) -> None:
    """Each does in the database what it says, in the name of its presser; the commands pressed are all there are."""
    ann, bob = operators["ann"], operators["bob"]
    pressed: set[str] = set()

    async def press(who: dict[str, str], *words: str, code: int = 0) -> str:
        pressed.update(name for name in BUTTONS if words[: len(name.split())] == tuple(name.split()))
        ended, said, failed = await osr_hub(NO_DATABASE, *words, **who)
        assert ended == code, (words, said, failed)
        return said or failed

    why = ("--reason", "onderhoud")
    await press(ann, "hold", "duo:rio", *why)
    assert await connection.fetchval("select held from destinations where name = 'duo:rio'") is True
    await press(ann, "release", "duo:rio", *why)
    waiting = await connection.fetchval("select id from deliveries where brin = '00AA' limit 1")
    assert "no destination" in await press(ann, "hold", "duo:none", *why, code=2)
    listed = orjson.loads(await press(ann, "parked", "list", "--json"))["items"]
    assert "is discarded" in await press(ann, "parked", "discard", listed[0]["id"], *why)
    assert "it still cannot be used" in await press(bob, "parked", "retry", listed[1]["id"], *why, code=2)
    asked = orjson.loads(await press(ann, "replay", "--brin", "18DS", *why, "--json"))
    assert asked["state"] == "awaiting_approval"
    assert asked["id"] in await press(bob, "acts", "list")
    assert "awaiting approval" in await press(bob, "acts", "show", asked["id"])
    assert "another operator" in await press(ann, "acts", "approve", asked["id"], *why, code=2)
    approved = orjson.loads(await press(bob, "acts", "approve", asked["id"], *why, "--json"))
    assert approved["state"] == "running"
    assert orjson.loads(await press(ann, "acts", "stop", asked["id"], *why, "--json"))["state"] == "cancelled"
    assert orjson.loads(await press(ann, "cancel-many", "--brin", "00AA", "--dry-run", "--json"))["state"] == "preview"
    await press(bob, "cancel", str(waiting), *why)
    assert await connection.fetchval("select status from deliveries where id = $1", waiting) == "cancelled"
    assert pressed == BUTTONS
    actors = await connection.fetch("select distinct actor from audit where action like 'destination.%'")
    assert len(actors) == 1
    assert actors[0]["actor"] != "osr-hub command line"


async def test_who_may_not_is_told_so(operators: dict[str, dict[str, str]], tmp_path: Path) -> None:
    """No token, a token over a network without https, a hub that is away: a sentence and 2, and never a traceback."""
    ann = operators["ann"]
    words = ("hold", "duo:rio", "--reason", "x")
    for changed, said in (
        ({"OSR_HUB_TOKEN": "nonsense"}, "the token is not valid"),
        ({"OSR_HUB_TOKEN": ""}, "OSR_HUB_DATABASE__DSN"),
        ({"OSR_HUB_HTTP__PUBLIC_URL": "http://hub.example.nl"}, "https only"),
        ({"OSR_HUB_HTTP__PUBLIC_URL": "http://127.0.0.1:1"}, "does not answer"),
    ):
        code, _, failed = await osr_hub(NO_DATABASE, *words, **ann | changed)
        assert (code, said in failed, "Traceback" in failed) == (2, True, False), failed
    token = tmp_path / "token"
    token.write_text(ann["OSR_HUB_TOKEN"])
    code, said, _ = await osr_hub(NO_DATABASE, *words, "--token-file", str(token), **ann | {"OSR_HUB_TOKEN": ""})
    assert (code, said) == (0, "duo:rio is held\n")


async def test_looking_commands_say_the_same_through_the_api(
    operators: dict[str, dict[str, str]], connection: Connection, database: str
) -> None:
    """For people and for programs; only the ages differ by the moment of the look."""
    one = await connection.fetchval("select id from deliveries where brin = '18DS' limit 1")
    await connection.execute("update deliveries set published_at = planned_at where id = $1", one)
    looks = (
        ("status", "18DS"), ("services", "list", "--json"), ("systems", "list", "--json"), ("lag",),
        ("deliveries", "--status", "delivered", "--status", "waiting", "--limit", "1"),
        ("statement", "--month", "2026-11"), ("delivery", str(one)),
    )  # fmt: skip
    served = {**operators["ann"], "OSR_HUB_OIN": "00000099000000009000"}
    for words in looks:
        through = await osr_hub(NO_DATABASE, *words, **operators["ann"])
        there = await osr_hub(database, *words, **served)
        assert through[0] == there[0] == 0, (words, through, there)
        assert masked(through[1]) == masked(there[1]), words
        assert words[0] != "delivery" or re.search(r"published *│? *$", through[1], re.MULTILINE), through[1]
    code, _, failed = await osr_hub(NO_DATABASE, "delivery", str(UUID(int=1)), **operators["ann"])
    assert (code, "no delivery" in failed) == (2, True)


def masked(said: str) -> list[str]:
    """Return lines without what depends on the moment of the look."""
    lines = [re.sub(r"\d[\d.:T+Z -]*(?:(?:ms|s|min|h|days)\b)?", "#", line) for line in said.splitlines()]
    return [re.sub(r" +", " ", line) for line in lines if "cursor" not in line]
