"""What runs beside the requests. In: the state of the application. Out: keys, deleted rows, a heartbeat, connections.

A chore that ends by a fault of ours ends the process: the state says so to `hub.api.server`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeAlias

import structlog

from hub.api.first_key import make_first_key
from hub.api.state import AppState
from hub.api.warm_pool import keep_full
from hub.login import sessions
from hub.processes import loops
from hub.processes.heartbeat import Heartbeat
from hub.processes.running import never_end, never_fail
from hub.store import idempotency
from hub.store.pool import DATABASE_ERRORS, Pool

Chore: TypeAlias = Callable[[], Awaitable[None]]
ROLE: Final = "serve"
SWEEP_SECONDS: Final = 3600.0
AWAY_SECONDS: Final = 1.0
log = structlog.get_logger(__name__)


@asynccontextmanager
async def running_chores(shared: AppState) -> AsyncIterator[None]:
    """Run the chores while the block runs."""
    stop = asyncio.Event()
    once: list[Chore] = [partial(make_first_key, shared), *_fetching(shared)]
    chores = [
        *(_watch(partial(never_end, chore, stop), shared) for chore in _endless(shared)),
        *(_watch(partial(never_fail, chore), shared) for chore in once),
    ]
    tasks = [asyncio.create_task(chore) for chore in chores]
    try:
        yield
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        loops.here.forget(ROLE)


def _endless(shared: AppState) -> list[Chore]:
    if shared.watching_pool is None:
        return [partial(_delete_outdated, shared)]
    return [
        partial(_delete_outdated, shared),
        partial(_beat, shared.watching_pool),
        partial(keep_full, shared.open_pool),
    ]


def _fetching(shared: AppState) -> list[Chore]:
    """Return what fetches keys; of keys that never change there is nothing to fetch."""
    logins: list[Chore] = [] if shared.provider is None else [shared.provider.keep_fresh]
    return [shared.verifier.keys.keep_fresh, *logins]


async def _watch(chore: Chore, shared: AppState) -> None:
    try:
        await chore()
    except Exception as error:  # noqa: BLE001 - the server raises it
        shared.ended_by = shared.ended_by or error
        shared.chore_ended.set()


async def _beat(pool: Pool) -> None:
    """Write the heartbeat of this process, as soon as the database can be used."""
    while True:
        try:
            async with Heartbeat(pool, ROLE):
                await asyncio.get_running_loop().create_future()
        except DATABASE_ERRORS as error:
            loops.failed(f"{ROLE}.heartbeat", error)
            await asyncio.sleep(AWAY_SECONDS)


async def _delete_outdated(shared: AppState) -> None:
    while True:
        loops.moved("serve.outdated")
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            async with shared.open_pool.acquire() as connection:
                await idempotency.forget(connection, shared.clock())
                await sessions.delete_ended(connection, shared.settings, shared.clock())
        except DATABASE_ERRORS as error:
            log.warning("answers.not_forgotten", error=str(error), next="trying again in an hour")
