"""`osr-hub qualify` as a program, against `osr-hub simulate las` as a program."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import orjson

from hub.clock import now
from hub.domain.kinds import Kind
from hub.domain.signing import format_secret
from hub.qualify.messages import InventedMandate, grow
from schemas.envelope import ForwardedMessage
from tests.support.servers.commands import osr_hub
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET: Final = format_secret(b"q" * 32)
NO_DATABASE: Final = ""


@asynccontextmanager
async def simulated_las(*words: str) -> AsyncIterator[str]:
    """Run a LAS that stands alone, and yield its address once it listens."""
    port = str(free_port())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.cli", "simulate", "las", "--secret", SECRET, "--port", port, *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if not name.startswith("OSR_HUB_")},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while b"las.listening" not in (line := await process.stdout.readline()):
                assert line, "it ended before it listened"
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_a_right_receiver_gets_a_report_that_can_be_mailed() -> None:
    """Exit code 0; each rule is named, and so is what cannot be judged; the secret stands nowhere."""
    async with simulated_las() as url:
        code, said, failed = await osr_hub(NO_DATABASE, "qualify", url, "--secret", SECRET)
    assert (code, failed) == (0, "")
    assert said.splitlines()[0] == f"Qualification of the receiver at {url}"
    assert said.splitlines()[-1] == "QUALIFIED: all 14 rules are kept."
    assert "right       refuses a wrong signature" in said
    assert "whether a repeat had no effect" in said
    assert SECRET.removeprefix("whsec_") not in said


async def test_wrong_receivers_get_exit_code_1_and_advice() -> None:
    """What is wrong, what was seen, and what to do; the same for programs."""
    async with simulated_las("--fault", "ignores-age", "--fault", "strict-order") as url:
        code, said, _ = await osr_hub(NO_DATABASE, "qualify", url, "--secret", SECRET)
        code_of_json, body, _ = await osr_hub(NO_DATABASE, "qualify", url, "--secret", SECRET, "--json")
    assert (code, code_of_json) == (1, 1)
    assert "WRONG       refuses an old timestamp\n            It took it: 204.\n            Refuse a" in said
    assert said.splitlines()[-1] == "NOT QUALIFIED: of 14 rules 2 broken."
    found = orjson.loads(body)
    assert (found["ok"], found["right"], found["wrong"], found["notJudged"]) == (False, 12, 2, 0)
    wrong = {check["name"]: check["advice"] for check in found["checks"] if check["verdict"] == "wrong"}
    assert wrong.keys() == {"old_timestamp", "unordered"}
    assert all(wrong.values())


async def test_a_receiver_that_is_not_there_does_not_qualify() -> None:
    """That is an answer, and no fault of who asks."""
    code, said, _ = await osr_hub(NO_DATABASE, "qualify", f"http://127.0.0.1:{free_port()}/", "--secret", SECRET)
    assert code == 1
    assert "no connection" in said


async def test_what_cannot_be_asked_is_a_wrong_usage() -> None:
    """A URL or a secret that is none ends with exit code 2, and the secret is not shown."""
    for words in (("ftp://las.example/",), ("http://las.example/", "--secret", "whsec_c2hvcnQ=")):
        code, said, failed = await osr_hub(NO_DATABASE, "qualify", *words)
        assert (code, said) == (2, "")
        assert "Invalid value" in failed
        assert "c2hvcnQ" not in failed


def test_its_messages_are_messages_of_the_hub() -> None:
    """Each fits the published schema, the large one too; versions and numbers rise by one."""
    mandate = InventedMandate(now())
    made = [mandate.next(), mandate.next(), mandate.next(has_previous=False), mandate.next(Kind.WITHDRAWN)]
    parsed = [ForwardedMessage.model_validate_json(message.body) for message in made]
    assert [message.data.mandate_version for message in parsed] == [1, 2, 3, 4]
    first, *later = [message.sequence for message in parsed]
    assert later == [f"{int(first) + n:020}" for n in (1, 2, 3)]
    assert [message.previoussequence for message in parsed] == [None, first, None, later[1]]
    assert [message.type.rsplit(".", 2)[1] for message in parsed] == ["granted", "amended", "amended", "withdrawn"]
    assert len(grow(mandate.next(), 262_144).body) == 262_144
