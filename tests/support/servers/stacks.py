"""A whole stack as its users see it: `osr-hub up` as a process, its connection file, its commands and its API.

In: a folder. Out: a running stack, known only by what is published about it; no module of the hub is used.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest
from pyreqwest.client import Client, ClientBuilder

from tests.support.receivers.recording_receivers import read_whole
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from aiokafka.structs import ConsumerRecord

COMMANDS: Final = Path(sys.executable).parent
START_SECONDS: Final = 240
STOP_SECONDS: Final = 60
UNAVAILABLE: Final = 2
KAFKA_SECURITY: Final = {
    "security_protocol": "SECURITY_PROTOCOL",
    "sasl_mechanism": "SASL_MECHANISM",
    "sasl_plain_username": "SASL_USERNAME",
    "sasl_plain_password": "SASL_PASSWORD",
}
"""aiokafka's options, and the hub's settings that have their values."""
SCHOOLS: Final = Path(__file__).parents[3] / "hub" / "demo" / "samples" / "schools.csv"


class ApiProblem(Exception):  # noqa: N818 - named as HTTP calls it
    """The API answered with a problem."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        super().__init__(f"{method} {path}: {status} {body.decode(errors='replace')[:1000]}")
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandResult:
    """The exit code of a command, and its output."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class RunningStack:
    """One running stack."""

    data: Path
    client: Client

    @property
    def connection(self) -> dict[str, Any]:
        """The content of the connection file now."""
        said: dict[str, Any] = orjson.loads((self.data / "connection.json").read_bytes())
        return said

    @property
    def kafka_security(self) -> dict[str, str]:
        """Aiokafka's options to get into this stack's Kafka."""
        named = self.connection["environment"]
        return {
            option: named[f"OSR_HUB_KAFKA__{name}"]
            for option, name in KAFKA_SECURITY.items()
            if f"OSR_HUB_KAFKA__{name}" in named
        }

    async def read_topic(self, topic: str) -> list[ConsumerRecord[Any, Any]]:
        """Return all records of a topic of this stack, with nothing but the connection file."""
        return await read_whole(self.connection["kafkaBootstrapServers"], topic, self.kafka_security)

    def pid(self, name: str) -> int | None:
        """Return the number of a process; None while it does not run."""
        return next((one["pid"] for one in self.connection["processes"] if one["name"] == name), None)

    async def run(self, *words: str) -> CommandResult:
        """Run one of our commands against this stack."""
        process = await asyncio.create_subprocess_exec(
            str(COMMANDS / words[0]),
            *words[1:],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.connection["environment"]},
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return CommandResult(code=process.returncode or 0, out=out.decode(), err=err.decode())

    async def done(self, *words: str) -> str:
        """Run a command that must succeed, and return what it printed."""
        ran = await self.run(*words)
        assert ran.code == 0, f"{' '.join(words)} ended with {ran.code}:\n{ran.out}\n{ran.err}"
        return ran.out

    async def token(self, role: str, *words: str) -> str:
        """Return a development token."""
        return (await self.done("osr-hub", "token", "--role", role, *words)).strip()

    async def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None, etag: str | None = None
    ) -> Any:
        """Call the API, as operations unless a token is given; `ApiProblem` when it answers with a problem."""
        connection = self.connection
        request = self.client.request(method, f"{connection['api']}{path}")
        request = request.bearer_auth(token or connection["tokens"]["operations"])
        if etag is not None:
            request = request.header("if-match", etag)
        if body is not None:
            request = request.header("content-type", "application/json").body_bytes(orjson.dumps(body))
        response = await request.build().send()
        said = bytes(await response.bytes())
        if not 200 <= response.status < 300:
            raise ApiProblem(method, path, response.status, said)
        return orjson.loads(said) if said else None

    async def verify(self) -> dict[str, Any]:
        """Run the ledger check; return its body, which the exit code must agree with."""
        ran = await self.run("osr-hub", "verify", "--json")
        assert ran.code in (0, 1), f"verify ended with {ran.code}:\n{ran.err}"
        books: dict[str, Any] = orjson.loads(ran.out)
        assert books["ok"] is (ran.code == 0)
        return books

    async def left(self) -> dict[str, int]:
        """Return what is not settled, by name: `events`, and destination and state; empty when all is done."""
        lag = await self.call("GET", "/lag")
        found = {"events": lag["unpublishedEvents"] + lag["unplannedEvents"]}
        for one in lag["destinations"]:
            found |= {f"{one['destination']} {kind}": one[kind] for kind in ("waiting", "retrying", "unprocessed")}
        return {name: number for name, number in found.items() if number}


async def until(claim: Callable[[], Awaitable[bool]], what: object, within: float = 120.0, look: float = 0.1) -> float:
    """Wait until a claim is true, and return the seconds that took; fail with `what` after `within`."""
    began = time.monotonic()
    while not await claim():
        passed = time.monotonic() - began
        assert passed < within, f"not within {within:g} s: {what}"
        await asyncio.sleep(look)
    return time.monotonic() - began


@asynccontextmanager
async def running_stack(
    data: Path, *options: str, program: Sequence[str] = (str(COMMANDS / "osr-hub"),)
) -> AsyncIterator[RunningStack]:
    """Run `osr-hub up` while the context lasts; the session ends, in words, where it cannot run at all."""
    words = ("up", "--data-dir", str(data), "--port", str(free_port()), *options)
    process = await asyncio.create_subprocess_exec(
        *program,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    reading = None
    try:
        await _ready(process)
        assert process.stdout is not None
        reading = asyncio.create_task(_drain(process.stdout))
        builder = ClientBuilder().timeout(timedelta(seconds=10)).no_proxy()
        async with builder.build() as client:
            yield RunningStack(data, client)
    finally:
        await _end(process)
        if reading is not None:
            await reading


async def _ready(process: asyncio.subprocess.Process) -> None:
    said: list[str] = []
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        async for line in process.stdout:
            said.append(line.decode(errors="replace"))
            if said[-1].startswith("READY "):
                return
        code = await process.wait()
    words = "".join(said)
    if code == UNAVAILABLE:
        pytest.exit(words, returncode=UNAVAILABLE)
    pytest.fail(f"up ended with {code} before it was ready:\n{words}")


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
