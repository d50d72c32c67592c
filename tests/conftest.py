"""Real servers for the tests: databases cloned from a migrated template, and topics of each test's own.

Each worker of pytest-xdist has servers, a template and folders of its own.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from hub.embedded.errors import JarsUnreachable
from hub.kafka.topics import create_missing
from schemas.topics import TOPICS
from tests.support import chance, workers
from tests.support.guides.toolchains import TOOLCHAINS
from tests.support.pages import chromium
from tests.support.servers.databases import create_database, drop_database, dsn_of
from tests.support.servers.servers import Servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from hub.store.pool import Connection, Pool

SERVERS = pytest.StashKey[Servers]()


def pytest_configure(config: pytest.Config) -> None:
    """Decide once which servers the session uses, none of which is started yet, and what chance is."""
    chance.load()
    config.stash[SERVERS] = Servers()
    config.pluginmanager.register(workers.Reasons(config))


def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers `-n auto` starts."""
    return workers.count(Servers())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, so that no worker is still busy when the others have ended."""
    items.sort(key=workers.position)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say at the top which servers, which browser and which other languages the tests run on."""
    return [config.stash[SERVERS].describe(), chromium.describe(), *(each.describe() for each in TOOLCHAINS)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Report before pytest's last line what was left out: the tests of the pages, and those in other languages."""
    left_out = {"browser": ("the tests of the pages", chromium.MISSING)}
    left_out |= {each.mark: (each.tests, each.missing) for each in TOOLCHAINS}
    for mark, (tests, missing) in left_out.items():
        if f"not {mark}" in config.option.markexpr:
            terminalreporter.write_line(f"LEFT OUT, {tests}: {missing}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing running, also after Ctrl-C."""
    config.stash[SERVERS].stop()


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> str:
    """Give a superuser's DSN of the session's PostgreSQL."""
    return pytestconfig.stash[SERVERS].postgres()


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> str:
    """Give the bootstrap address of the session's Kafka."""
    try:
        return pytestconfig.stash[SERVERS].kafka()
    except JarsUnreachable as error:
        pytest.exit(f"{error} For the tests, OSR_HUB_TEST_KAFKA names one.", returncode=2)


@pytest.fixture(scope="session")
async def template(postgres: str) -> AsyncIterator[str]:
    """Give the name of a migrated database that others are cloned from."""
    from hub.store.migrations import migrate  # noqa: PLC0415 - tests without a database need no migrations

    name = await create_database(postgres)
    await migrate(dsn_of(postgres, name))
    yield name
    await drop_database(postgres, name)


@pytest.fixture
async def database(postgres: str, template: str) -> AsyncIterator[str]:
    """Give a superuser's DSN of a migrated database that is this test's own."""
    name = await create_database(postgres, template)
    yield dsn_of(postgres, name)
    await drop_database(postgres, name)


@pytest.fixture
async def empty_database(postgres: str) -> AsyncIterator[str]:
    """Give a superuser's DSN of an empty database that is this test's own."""
    name = await create_database(postgres)
    yield dsn_of(postgres, name)
    await drop_database(postgres, name)


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """Give a connection to the test's database."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Give the hub's own kind of pool on the test's database."""
    from hub.store.pool import open_pool  # noqa: PLC0415 - only who asks for it needs it

    pool = await open_pool(database, name="test")
    yield pool
    await pool.close()


@pytest.fixture
async def topics(kafka: str) -> AsyncIterator[Mapping[str, str]]:
    """Give all topics of the table under names of this test's own: published name to actual name."""
    mark = uuid.uuid4().hex[:10]
    names = {topic.name: f"{topic.name}.{mark}" for topic in TOPICS}
    await create_missing(kafka, [replace(topic, name=names[topic.name]) for topic in TOPICS])
    yield names
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics(list(names.values()))
    await admin.close()


@pytest.fixture(scope="session", autouse=True)
def _servers_end_with_the_session(pytestconfig: pytest.Config) -> Iterator[None]:
    yield
    pytestconfig.stash[SERVERS].stop()
