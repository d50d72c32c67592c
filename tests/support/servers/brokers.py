"""A Kafka of a test's own, to be stopped, filled or removed. Out: its supervisor, and its address."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hub.embedded.archive import find_kafka
from hub.embedded.keys import StackSecrets
from hub.embedded.paths import DataDir, cache_dir, is_root, user_area
from hub.embedded.supervisor import Supervisor
from hub.kafka.topics import create_missing
from schemas.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from hub.embedded.kafka import EmbeddedKafka, KafkaAccess
    from schemas.topics import Topic


@asynccontextmanager
async def own_kafka() -> AsyncIterator[tuple[Supervisor, str]]:
    """Run a broker of this test's own with all topics, restarted whenever it ends."""
    async with run_kafka(TOPICS) as (supervisor, server):
        yield supervisor, server.bootstrap


@asynccontextmanager
async def run_kafka(
    topics: Sequence[Topic], settings: Mapping[str, str] | None = None, access: KafkaAccess | None = None
) -> AsyncIterator[tuple[Supervisor, EmbeddedKafka]]:
    """Run a broker with these topics and settings of its own, restarted whenever it ends."""
    root = Path(tempfile.mkdtemp(dir=user_area() if is_root() else None))
    data = DataDir(root)
    data.create()
    found = await find_kafka(data, StackSecrets.load_or_create(data), cache_dir(), access=access)
    server = replace(found, settings=settings or {})

    async def on_ready() -> None:
        await create_missing(server.bootstrap, topics, options=server.client_options())

    supervisor = Supervisor([server.program(on_ready=on_ready)], logs=data.logs, changed=lambda: None)
    try:
        await supervisor.start(within=180)
        yield supervisor, server
    finally:
        await supervisor.stop()
        shutil.rmtree(root)
