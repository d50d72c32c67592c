"""procrastinate with a task per message, as a team on PostgreSQL would begin.

`python -m tests.bench.rivals.task_per_message DSN URL`: a worker; the task's lock is the school, which keeps its order.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import uvloop
from procrastinate import App, PsycopgConnector

from tests.bench.rivals.sending import open_pyreqwest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from procrastinate.types import JSONDict

AT_ONCE: Final = 32
TASK: Final = "post"


async def prepare(dsn: str) -> None:
    """Make procrastinate's tables."""
    async with (app := _app(dsn)).open_async():
        await app.schema_manager.apply_schema_async()


async def defer(dsn: str, bodies: Sequence[tuple[str, str]]) -> None:
    """Add a task per message, a school's in its order, in one call per school."""
    schools: dict[str, list[str]] = {}
    for brin, body in bodies:
        schools.setdefault(brin, []).append(body)
    async with (app := _app(dsn)).open_async():
        for brin, of_school in schools.items():
            arguments: list[JSONDict] = [{"body": body} for body in of_school]
            await app.configure_task(TASK, lock=brin).batch_defer_async(*arguments)


async def main() -> None:
    """Work until killed."""
    dsn, url = sys.argv[1:]
    app = _app(dsn)
    async with open_pyreqwest() as post, app.open_async():

        @app.task(name=TASK)
        async def send(body: str) -> None:
            await post(url, body.encode())

        await app.run_worker_async(concurrency=AT_ONCE, install_signal_handlers=False)


def _app(dsn: str) -> App:
    return App(connector=PsycopgConnector(conninfo=dsn, max_size=AT_ONCE))


if __name__ == "__main__":
    uvloop.run(main())
