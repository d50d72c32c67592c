"""A forwarder as a process of its own, to be killed and paused as the machine would do it."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager, suppress
from typing import IO, TYPE_CHECKING

from tests.support.lanes.forwarding import HUB_OIN
from tests.support.register.subscriptions import KEYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


@asynccontextmanager
async def forwarder_process(
    database: str, more: Mapping[str, str] | None = None, log: IO[bytes] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `osr-consume forward` and kill it at the end; its log goes to a file, or to the test's own output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "consumers.cli",
        "forward",
        env={
            **os.environ,
            "OSR_HUB_DATABASE__DSN": database,
            "OSR_HUB_OIN": HUB_OIN,
            "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "OSR_HUB_SECRETS__KEYS": KEYS[0].get_secret_value(),
            "OSR_HUB_WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8",
            "OSR_HUB_WEBHOOK__TIMEOUT_SECONDS": "5",
            **(more or {}),
        },
        stderr=log,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
