"""`osr-hub sandbox` as a supplier runs it: a stack of its own, and every scene at its receiver."""

from __future__ import annotations

import asyncio
import os
import pty
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from standardwebhooks import Webhook

from hub.domain.signing import format_secret, new_secret
from tests.support.receivers.receiver import ReceivedRequest, receiver, reply
from tests.support.servers.stacks import COMMANDS, UNAVAILABLE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.proof,
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]
OIN = "00000099000000003000"
SCENES = ("grant", "route", "divide", "withdraw", "repeat", "replay", "restore")


def consents(got: ReceivedRequest) -> bytes:
    """Consent to whoever asks, and take everything."""
    return reply(204, webhook_allowed_origin=got.headers["webhook-request-origin"], webhook_allowed_rate="*")


async def sandbox(*options: str, terminal: int | None = None) -> tuple[int, str]:
    """Run the command, on a terminal if one is given, and return its code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(str(COMMANDS / "osr-hub"), "sandbox", *options),
        stdin=asyncio.subprocess.DEVNULL if terminal is None else terminal,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == UNAVAILABLE and b"osr-hub:" in said:
        pytest.exit(said.decode(), returncode=UNAVAILABLE)
    return process.returncode or 0, said.decode()


async def test_every_scene_arrives_at_a_receiver_of_ones_own(tmp_path: Path) -> None:
    """In a pipe: signed by the secret that the receiver knows; each scene is what it says, and exit code 0."""
    secret = format_secret(new_secret())
    async with receiver(consents) as las:
        code, said = await sandbox(
            "--oin", OIN, "--url", las.url, "--secret", secret, "--all", "--data-dir", str(tmp_path / "box")
        )
    assert code == 0, said
    posts = [got for got in las.got if got.method == "POST"]
    messages: list[dict[str, Any]] = [Webhook(secret).verify(got.body, got.headers) for got in posts]
    kinds = Counter(message["type"].split(".")[-2] for message in messages[:7])
    assert kinds == {"granted": 2, "amended": 3, "withdrawn": 2}
    assert len(messages[4]["data"]["branches"]) == len(messages[2]["data"]["branches"]) - 1, (
        "the rest lost the other system's branch"
    )
    assert messages[7]["id"] == messages[6]["id"], "a repeat"
    assert {message.get("replayof") for message in messages[8:10]} == {messages[5]["id"], messages[6]["id"]}
    again = messages[10:]
    assert [message["id"] for message in again] == [message["id"] for message in messages[:7] + messages[8:10]]
    assert {message["ledgerepoch"] for message in again} == {2}
    assert [line.split(":")[0].removeprefix("• ") for line in said.splitlines() if line.startswith("•")] == [*SCENES]
    assert said.count("← 204") == len(messages)
    assert not (tmp_path / "box" / "connection.json").exists()


async def test_on_a_terminal_scenes_are_pressed_one_by_one(tmp_path: Path) -> None:
    """With the simulated LAS as the receiver; what is none of them is told, and `quit` ends it."""
    ours, its = pty.openpty()
    try:
        os.write(ours, b"nonsense\nreplay\nquit\n")
        code, said = await sandbox("--data-dir", str(tmp_path / "box"), terminal=its)
    finally:
        os.close(ours)
        os.close(its)
    assert code == 0, said
    assert "that is none of them" in said
    assert said.count("• replay") == 1
    facts = tmp_path / "box" / "sandbox.json"
    assert facts.stat().st_mode & 0o077 == 0
    known = orjson.loads(facts.read_bytes())
    assert (known["oin"], known["destination"]) == ("00000099000000001000", "las:00000099000000001000")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--scenario"),
        (("--scenario", "nothing"), "choose from grant"),
        (("--oin", OIN, "--all"), "--url go together"),
        (("--oin", "12", "--url", "https://las.example/hook", "--all"), "--oin"),
    ],
)
async def test_what_cannot_be_played_is_said_before_anything_starts(options: tuple[str, ...], words: str) -> None:
    """Exit code 2 and what to give instead."""
    process = await asyncio.create_subprocess_exec(
        *(str(COMMANDS / "osr-hub"), "sandbox", *options),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 2
    assert words in said.decode()
