"""A forwarder whose machine runs out of files: nobody is blamed, and all goes out when there are files again."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.receivers.receiver import receiver
from tests.support.register.subscriptions import (
    BRINS,
    LAS,
    assert_books_right,
    grant,
    lane,
    make_register,
    plan_all,
    subscribed,
)

if TYPE_CHECKING:
    from hub.store.pool import Connection

WEBHOOK = f"las:{LAS}"


async def test_too_many_open_files_are_no_attempts_of_the_receiver(connection: Connection, database: str) -> None:
    """No attempt is kept, no circuit opens, no schedule is used up, and the log says once what to do."""
    await make_register(connection)

    async def is_running() -> bool:
        return bool(await connection.fetchval("select count(*) from processes where role = 'forward'"))

    async def is_settled() -> bool:
        return bool(await connection.fetchval("select bool_and(head = tail) from lanes where destination = $1", here))

    async def is_paused() -> bool:
        return any(line["event"] == "sending.paused" for line in lines)

    async with receiver() as las:
        await subscribed(connection, url=las.url)
        here = await connection.fetchval("select id from destinations where name = $1", WEBHOOK)
        with capture_logs() as lines:
            async with forwarder(settings_for(database)):
                await until(is_running)
                limits = resource.getrlimit(resource.RLIMIT_NOFILE)
                spare = os.dup(0)
                os.close(spare)
                try:
                    resource.setrlimit(resource.RLIMIT_NOFILE, (spare, limits[1]))
                    for brin in BRINS:
                        await grant(connection, brin)
                    await plan_all(connection)
                    await until(is_paused)
                    attempts = await connection.fetchval("select count(*) from attempts")
                    circuit = await connection.fetchval("select circuit::text from destinations where id = $1", here)
                    waiting = {status for brin in BRINS for *_, status in await lane(connection, WEBHOOK, brin)}
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                await until(is_settled)
    assert (attempts, circuit, waiting) == (0, "closed", {"waiting"})
    assert len(las.got) == len(BRINS)
    paused = [line for line in lines if line["event"] == "sending.paused"]
    assert {line["destination"] for line in paused} == {"all"}
    assert "ulimit -n" in paused[0]["next"]
    assert await connection.fetchval("select count(*) from attempts") == 0
    await assert_books_right(connection)
