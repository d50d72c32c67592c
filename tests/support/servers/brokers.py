"""A Kafka of a test's own, to be stopped, filled or removed. Out: its supervisor, and its address."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hub.embedded.archive import find_kafka
from hub.embedded.keys import StackSecrets
from hub.embedded.paths import DataDir, cache_dir, is_root, user_area
from hub.embedded.supervisor import Supervisor
from hub.kafka.topics import create_missing
from schemas.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def own_kafka() -> AsyncIterator[tuple[Supervisor, str]]:
    """Run a broker of this test's own, restarted whenever it ends."""
    root = Path(tempfile.mkdtemp(dir=user_area() if is_root() else None))
    data = DataDir(root)
    data.create()
    server = await find_kafka(data, StackSecrets.load_or_create(data), cache_dir())

    async def on_ready() -> None:
        await create_missing(server.bootstrap, TOPICS)

    supervisor = Supervisor([server.program(on_ready=on_ready)], logs=data.logs, changed=lambda: None)
    try:
        await supervisor.start(within=180)
        yield supervisor, server.bootstrap
    finally:
        await supervisor.stop()
        shutil.rmtree(root)
