"""Running for long: stages side by side in one process until SIGTERM, SIGINT or SIGHUP, then a clean end."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import structlog
import uvloop

from hub import settings as hub_settings
from hub.errors import ChoreEnded, HubError
from hub.processes.files import raise_file_limit
from hub.processes.probe import answer_probes
from hub.store.waiting import wait_for_database
from hub.telemetry import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from hub.settings import Settings

    Run = Callable[[Settings, asyncio.Event], Awaitable[None]]

log = structlog.get_logger(__name__)


def run_until_stopped(runs: Sequence[Run], *, waits_for_database: bool = True) -> None:
    """Run stages until a signal stops them; the first that fails ends them all.

    They start once the database can be used, by its direct address too.
    """
    settings = hub_settings.load()
    set_up_logging(settings.log)
    raise_file_limit()
    uvloop.run(_run(runs, settings, waits_for_database=waits_for_database))


async def _run(runs: Sequence[Run], settings: Settings, *, waits_for_database: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under `nohup`
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    async with answer_probes(settings.http):
        if waits_for_database and not await wait_for_database(settings.database, stop, needs_session=True):
            return
        async with asyncio.TaskGroup() as tasks:
            for run in runs:
                tasks.create_task(_run_one(run, settings, stop))


async def _run_one(run: Run, settings: Settings, stop: asyncio.Event) -> None:
    await run(settings, stop)


async def run_until_set(stop: asyncio.Event, *endless: Coroutine[None, None, None]) -> None:
    """Run coroutines that never end until `stop` is set, then cancel them.

    The first that fails is raised; `ChoreEnded` when one ended by itself.
    """
    tasks = [asyncio.create_task(each) for each in (stop.wait(), *(never_end(chore, stop) for chore in endless))]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def never_end(chore: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Run a chore that must not end before `stop` is set: raise `ChoreEnded`, which ends the process, when it does."""
    await never_fail(chore)
    if not stop.is_set():
        log.error("chore.ended", chore=_name(chore), next="the process ends; its supervisor starts it again")
        raise ChoreEnded(f"{_name(chore)} ended by itself, so this process ends")


async def never_fail(chore: Coroutine[Any, Any, None]) -> None:
    """Run a chore; raise `ChoreEnded`, which ends the process, when it fails by a fault of ours."""
    try:
        await chore
    except HubError:
        raise
    except Exception as error:
        log.exception("chore.ended", chore=_name(chore), next="the process ends; its supervisor starts it again")
        raise ChoreEnded(f"{_name(chore)} failed, so this process ends: {type(error).__name__}: {error}") from error


def _name(chore: Coroutine[Any, Any, None]) -> str:
    return getattr(chore, "__qualname__", "a chore")
