"""A forwarder whose machine runs out of files: nobody is blamed, and all goes out when there are files again."""

from __future__ import annotations

import json
import resource
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.lanes.forwarding import until
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
from tests.support.servers.forwarder_process import forwarder_process

if TYPE_CHECKING:
    from hub.store.pool import Connection

WEBHOOK = f"las:{LAS}"
CLOSING = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


def let_open_no_more_files(pid: int) -> tuple[int, int]:
    """Lower a process's limit to what it has open; return the limit before."""
    opened = {int(file.name) for file in Path(f"/proc/{pid}/fd").iterdir()}
    free = next(number for number in count() if number not in opened)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, limits[1]))
    return limits


async def test_too_many_open_files_are_no_attempts_of_the_receiver(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    """No attempt is kept, no circuit opens, no schedule is used up, and the log says what to do."""
    await make_register(connection)
    written = tmp_path / "log"

    async def is_settled() -> bool:
        return bool(await connection.fetchval("select bool_and(head = tail) from lanes where destination = $1", here))

    async def is_paused() -> bool:
        return bool(pauses())

    def pauses() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in written.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in lines if line.get("event") == "sending.paused"]

    async with receiver(lambda _: CLOSING) as las:
        await subscribed(connection, url=las.url)
        here = await connection.fetchval("select id from destinations where name = $1", WEBHOOK)
        with written.open("wb") as log:
            async with forwarder_process(database, {"OSR_HUB_LOG__FORMAT": "json"}, log) as process:
                await grant(connection, BRINS[0])
                await plan_all(connection)
                await until(is_settled)
                limits = let_open_no_more_files(process.pid)
                await grant(connection, BRINS[1])
                await plan_all(connection)
                await until(is_paused)
                attempts = await connection.fetchval("select count(*) from attempts")
                circuit = await connection.fetchval("select circuit::text from destinations where id = $1", here)
                waiting = [status for *_, status in await lane(connection, WEBHOOK, BRINS[1])]
                resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
                await until(is_settled)
    assert (attempts, circuit, waiting) == (0, "closed", ["waiting"])
    assert len(las.got) == len(BRINS)
    assert {line["destination"] for line in pauses()} == {"all"}
    assert "ulimit -n" in pauses()[0]["next"]
    assert await connection.fetchval("select count(*) from attempts") == 0
    await assert_books_right(connection)
