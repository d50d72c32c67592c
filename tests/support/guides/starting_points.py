"""Runs what suppliers and DUO start from, as they would. In: a stack, a folder. Out: processes, and what they hold."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hub.embedded.jars import kafka_jars
from hub.embedded.paths import cache_dir
from tests.support.guides.token_endpoint import token_endpoint
from tests.support.servers.ports import free_port
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.servers.stacks import RunningStack

GUIDES: Final = Path(__file__).parents[3] / "deploy" / "guides"
RECEIVERS: Final = GUIDES / "receivers"
STOP_SECONDS: Final = 30

Held = dict[tuple[str, str], tuple[int, bool]]
"""By mandate and branch: the version, and whether it is over."""


@dataclass(kw_only=True)
class StartingPoint:
    """A receiver in a folder of its own, with a port that it keeps when it is started again."""

    language: str
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where the hub posts."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def secrets(self) -> Path:
        """The file of its secrets."""
        return self.folder / "secrets"

    @property
    def state(self) -> Path:
        """The file of its state."""
        return self.folder / "state"

    def command(self) -> tuple[str, ...]:
        """Return the words that start it."""
        if self.language == "node":
            return ("node", "receiver.mjs")
        host = ("--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning")
        return (sys.executable, "-m", "uvicorn", "receiver:app", *host)

    def held(self) -> Held:
        """Return the units that it holds."""
        if self.language == "node":
            units = json.loads(self.state.read_bytes())["units"]
            return {
                (mandate, branch): (unit["version"], unit["isOver"])
                for key, unit in units.items()
                for mandate, _, branch in [key.partition(" ")]
            }
        with sqlite3.connect(self.state) as read:
            rows = read.execute("select id, branch, version, is_over from units").fetchall()
        return {(mandate, branch): (version, bool(is_over)) for mandate, branch, version, is_over in rows}

    def forget(self, mandate: str) -> None:
        """Lose a mandate, as a wrong restore of a LAS would, and hold one that does not exist; while it is stopped."""
        stranger = "01936b2e-0000-7000-8000-000000000000"
        if self.language == "node":
            state = json.loads(self.state.read_bytes())
            state["units"] = {key: unit for key, unit in state["units"].items() if not key.startswith(mandate)}
            state["units"][f"{stranger} "] = {"version": 1, "isOver": False, "data": {}}
            state["messages"] = {}
            self.state.write_text(json.dumps(state))
            return
        with sqlite3.connect(self.state) as write:
            write.execute("delete from units where id = ?", (mandate,))
            write.execute("insert into units values (?, '', 1, 0, '{}')", (stranger,))
            write.execute("delete from messages")


async def make_receiver(language: str, folder: Path) -> StartingPoint:
    """Copy a receiver into a folder and install what it needs."""
    made = StartingPoint(language=language, folder=folder, port=free_port())
    for name in ("receiver.py", "receiver.mjs", "package.json", "package-lock.json", "duo_reader.py"):
        shutil.copy(RECEIVERS / name, folder / name)
    made.secrets.write_text("")
    if language == "node":
        await install_npm(folder)
    return made


async def install_npm(folder: Path) -> None:
    """Install what the lock file of a folder pins; fail in words where the registry cannot be reached."""
    words = ("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
    process = await asyncio.create_subprocess_exec(
        *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        pytest.fail(
            "npm could not install what package-lock.json pins. Where its registry cannot be reached, fill npm's cache "
            f"once (`npm ci` in {folder.name}) or leave these tests out with -m 'not node'. It said:\n{said.decode()}",
            pytrace=False,
        )


@asynccontextmanager
async def running_program(
    command: tuple[str, ...], folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program, and stop it in order; its output is kept in a file of its folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OSR_")}
    with (folder / "output").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env={**kept, **environment}, stdout=output, stderr=output
        )
        try:
            yield process
        except BaseException:
            print((folder / "output").read_text(errors="replace")[-5000:])
            raise
        finally:
            if process.returncode is None:
                process.terminate()
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()


@asynccontextmanager
async def running_receiver(it: StartingPoint, api: str, token: str) -> AsyncIterator[None]:
    """Run a receiver while the context lasts, from when it listens; it gets its token by client credentials."""
    async with token_endpoint({"las:secret": token}) as where, _running_receiver(it, api, where):
        yield


@asynccontextmanager
async def _running_receiver(it: StartingPoint, api: str, token_url: str) -> AsyncIterator[None]:
    environment = {
        "OSR_API": api,
        "OSR_TOKEN_URL": token_url,
        "OSR_CLIENT": "las:secret",
        "OSR_SECRETS": str(it.secrets),
        "OSR_STATE": str(it.state),
        "OSR_PORT": str(it.port),
    }
    async with running_program(it.command(), it.folder, environment) as process:

        async def listens() -> bool:
            assert process.returncode is None, (it.folder / "output").read_text()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", it.port)
            except OSError:
                return False
            writer.close()
            return True

        await until(listens, "the receiver listens", within=60, look=0.05)
        yield


async def reader_command(language: str, folder: Path) -> tuple[str, ...]:
    """Return the words that start a reader of DUO's queues; the one in Java is compiled into the folder once."""
    if language == "python":
        return (sys.executable, str(RECEIVERS / "duo_reader.py"))
    jars = ":".join(str(jar) for jar in await kafka_jars(cache_dir()))
    words = ("javac", "-Xlint:all", "-Werror", "-cp", jars, "-d", str(folder), str(RECEIVERS / "DuoReader.java"))
    compiling = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await compiling.communicate()
    assert compiling.returncode == 0, said.decode()
    return ("java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}:{folder}", "DuoReader")


def reader_settings(language: str, stack: RunningStack, queue: str, folder: Path) -> dict[str, str]:
    """Return the environment of a reader, with the stack's password."""
    connection = stack.connection
    named = connection["environment"]
    user, password = (named.get(f"OSR_HUB_DUO_KAFKA__SASL_{name}", "") for name in ("USERNAME", "PASSWORD"))
    settings = {
        "OSR_KAFKA": connection["duoKafkaBootstrapServers"],
        "OSR_QUEUE": queue,
        "OSR_GROUP": f"duo-{language}",
        "OSR_STATE": str(folder / "state"),
        "OSR_SOURCE": f"urn:nld:oin:00000000000000000000:systeem:{language}",
    }
    if user and language == "python":
        settings |= {"OSR_USERNAME": user, "OSR_PASSWORD": password}
        settings["OSR_MECHANISM"] = named["OSR_HUB_DUO_KAFKA__SASL_MECHANISM"]
    if user and language == "java":
        (folder / "client.properties").write_text(
            f"security.protocol={named['OSR_HUB_DUO_KAFKA__SECURITY_PROTOCOL']}\n"
            f"sasl.mechanism={named['OSR_HUB_DUO_KAFKA__SASL_MECHANISM']}\n"
            "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{user}" password="{password}";\n'
        )
        settings["OSR_PROPERTIES"] = str(folder / "client.properties")
    return settings


def handled(language: str, folder: Path) -> int:
    """Return how many messages a reader remembers to have handled."""
    if language == "java":
        return len((folder / "state").read_text().splitlines())
    with sqlite3.connect(folder / "state") as read:
        found: int = read.execute("select count(*) from messages").fetchone()[0]
        return found
