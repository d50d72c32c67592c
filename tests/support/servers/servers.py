"""The PostgreSQL and the Kafka that the tests run on. In: the environment. Out: addresses, of what starts when asked.

What the environment names is used; else containers, where a Docker engine answers; else the embedded stack, by the code
of `osr-hub up`. They run beside the tests in a thread of their own and end with them, also when pytest is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hub.embedded.archive import find_kafka
from hub.embedded.keys import StackSecrets
from hub.embedded.paths import DataDir, cache_dir, is_root, user_area
from hub.embedded.postgres import find_postgres
from hub.embedded.supervisor import Supervisor
from hub.kafka.topics import create_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hub.embedded.program import Program

    Result = TypeVar("Result")

PREFIX: Final = "osr-hub-tests-"
POSTGRES_IMAGE: Final = "postgres:18"
KAFKA_IMAGE: Final = "confluentinc/cp-kafka:8.0.0"
SMALL: Final = {"shared_buffers": "128MB", "fsync": "off"}
"""Nobody takes the power from the tests' own server: what a killed process of it had written is there without."""


class Source(StrEnum):
    """Where a server comes from."""

    NAMED = "named by the environment"
    CONTAINER = "a container"
    EMBEDDED = "embedded"


def choose(variable: str) -> Source:
    """Return where a server comes from; the environment may name one in `variable`."""
    if os.environ.get(variable):
        return Source.NAMED
    return Source.CONTAINER if _docker_answers() else Source.EMBEDDED


class Servers:
    """Both servers of a test session; each starts when it is first asked for."""

    def __init__(self) -> None:
        self.postgres_source = choose("OSR_HUB_TEST_POSTGRES")
        self.kafka_source = choose("OSR_HUB_TEST_KAFKA")
        self._endings: list[Callable[[], object]] = []
        self._loop_thread: _LoopThread | None = None
        self._data: DataDir | None = None

    def describe(self) -> str:
        """Return in words which servers the tests run on."""
        return f"PostgreSQL: {self.postgres_source}; Kafka: {self.kafka_source}"

    def postgres(self) -> str:
        """Return the DSN of a superuser of a running PostgreSQL."""
        match self.postgres_source:
            case Source.NAMED:
                return os.environ["OSR_HUB_TEST_POSTGRES"]
            case Source.CONTAINER:
                from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - where there is Docker

                container = PostgresContainer(POSTGRES_IMAGE, driver=None).start()
                self._endings.append(container.stop)
                return str(container.get_connection_url())
            case Source.EMBEDDED:
                return self._embed_postgres()

    def kafka(self) -> str:
        """Return the address of a running Kafka; `JarsUnreachable` when there is none to be had."""
        match self.kafka_source:
            case Source.NAMED:
                return os.environ["OSR_HUB_TEST_KAFKA"]
            case Source.CONTAINER:
                from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415 - where there is Docker

                container = KafkaContainer(KAFKA_IMAGE).with_kraft().start()
                self._endings.append(container.stop)
                return str(container.get_bootstrap_server())
            case Source.EMBEDDED:
                return self._embed_kafka()

    def stop(self) -> None:
        """Stop all servers that were started here, and remove their files."""
        for end in reversed(self._endings):
            end()
        self._endings.clear()
        if self._loop_thread is not None:
            self._loop_thread.close()
            self._loop_thread = None
        if self._data is not None:
            self._data.clear()
            shutil.rmtree(self._data.root, ignore_errors=True)
            self._data = None

    def _embed_postgres(self) -> str:
        data, keys = self._home()
        server = find_postgres(
            data,
            port=keys.postgres_port,
            admin_password=keys.admin_password,
            password=keys.password,
            settings=SMALL,
        )
        self._supervise(server.program(), data)
        return server.admin_dsn

    def _embed_kafka(self) -> str:
        data, keys = self._home()
        server = self._loop().run(find_kafka(data, keys, cache_dir()))

        async def on_ready() -> None:
            await create_missing(server.bootstrap, ())

        self._supervise(server.program(on_ready=on_ready), data)
        return server.bootstrap

    def _supervise(self, program: Program, data: DataDir) -> None:
        async def start() -> Supervisor:
            supervisor = Supervisor([program], logs=data.logs, changed=lambda: None)
            try:
                await supervisor.start()
            except BaseException:
                await supervisor.stop()
                raise
            return supervisor

        supervisor = self._loop().run(start())
        self._endings.append(lambda: self._loop().run(supervisor.stop()))

    def _loop(self) -> _LoopThread:
        if self._loop_thread is None:
            self._loop_thread = _LoopThread()
        return self._loop_thread

    def _home(self) -> tuple[DataDir, StackSecrets]:
        if self._data is None:
            area = user_area() if is_root() else Path(tempfile.gettempdir())
            _remove_leftovers(area)
            root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=area))
            root.chmod(0o711)  # PostgreSQL, as another user, has its own closed folder in it
            self._data = DataDir(root)
            self._data.create()
        return self._data, StackSecrets.load_or_create(self._data)


class _LoopThread:
    """An event loop in a thread of its own, so that servers are supervised while tests run."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-servers", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine there and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End the loop and its thread."""
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _remove_leftovers(area: Path) -> None:
    """Remove the folders of sessions that were killed."""
    for folder in area.glob(f"{PREFIX}*"):
        if not Path("/proc", folder.name.removeprefix(PREFIX).split("-")[0]).exists():
            with contextlib.suppress(FileNotFoundError):  # another session removes the same folder
                DataDir(folder).clear()
            shutil.rmtree(folder, ignore_errors=True)


def _docker_answers() -> bool:
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
        return False
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415 - only where there may be an engine

    try:
        client = docker.from_env(timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except (docker.errors.DockerException, OSError):
        return False
