"""Running for long: stages side by side in one process until SIGTERM, SIGINT or SIGHUP, then a clean end."""

from __future__ import annotations

import asyncio
import gc
import signal
from typing import TYPE_CHECKING, Final

import structlog
import uvloop

from hub import settings as hub_settings
from hub.errors import ChoreEnded, HubError
from hub.processes.files import raise_file_limit
from hub.processes.probe import answer_probes
from hub.store.waiting import wait_for_database
from hub.telemetry.export import set_up_tracing
from hub.telemetry.logs import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from hub.settings import Settings

    Run = Callable[[Settings, asyncio.Event], Awaitable[None]]

STARTED_SECONDS: Final = 5.0
"""After this a process has imported and opened what it works with."""
COLLECT_AFTER: Final = (10_000, 20, 20)
"""Objects between two looks for cycles of the young, and how often the older ones are looked at: messages have none."""
SUPERVISOR: Final = "the process ends; its supervisor starts it again"
log = structlog.get_logger(__name__)


def run_until_stopped(runs: Sequence[Run], *, waits_for_database: bool = True) -> None:
    """Run stages until a signal stops them; the first that fails ends them all.

    They start once the database can be used, by its direct address too.
    """
    settings = hub_settings.load()
    set_up_logging(settings.log)
    raise_file_limit()
    end_tracing = set_up_tracing()
    try:
        uvloop.run(_run(runs, settings, waits_for_database=waits_for_database))
    finally:
        end_tracing()


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
        loop.call_later(STARTED_SECONDS, spare_what_stays)
        async with asyncio.TaskGroup() as tasks:
            for run in runs:
                tasks.create_task(_run_one(run, settings, stop))


def spare_what_stays() -> None:
    """Take what the process has by now out of the search for cycles, which then costs nearly nothing.

    Under load it took a tenth of a process's time to find out that modules, classes and settings are still in use.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _run_one(run: Run, settings: Settings, stop: asyncio.Event) -> None:
    await run(settings, stop)


async def run_until_set(stop: asyncio.Event, *endless: Coroutine[None, None, None]) -> None:
    """Run coroutines that never end until `stop` is set, then cancel them.

    The first that fails is raised; `ChoreEnded` when one ended by itself.
    """
    stopping, tasks = asyncio.create_task(stop.wait()), [asyncio.create_task(each) for each in endless]
    await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    by_itself = [chore for chore, task in zip(endless, tasks, strict=True) if task.done() and not stop.is_set()]
    for task in (stopping, *tasks):
        task.cancel()
    for chore, outcome in zip(endless, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
        if isinstance(outcome, Exception):
            raise _explain(chore, outcome) from outcome
    for chore in by_itself:
        raise _ended(chore)


async def never_end(chore: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Run a chore that must not end before `stop` is set: raise `ChoreEnded`, which ends the process, when it does."""
    await never_fail(chore)
    if not stop.is_set():
        raise _ended(chore)


async def never_fail(chore: Callable[[], Awaitable[None]]) -> None:
    """Run a chore; raise `ChoreEnded`, which ends the process, when it fails by a fault of ours."""
    try:
        await chore()
    except Exception as error:
        raise _explain(chore, error) from error


def _explain(chore: object, error: Exception) -> Exception:
    """Return the error that ends the process, in a sentence."""
    if isinstance(error, HubError):
        return error
    log.error("chore.ended", chore=_name(chore), exc_info=error, next=SUPERVISOR)
    return ChoreEnded(f"{_name(chore)} failed, so this process ends: {type(error).__name__}: {error}")


def _ended(chore: object) -> ChoreEnded:
    log.error("chore.ended", chore=_name(chore), next=SUPERVISOR)
    return ChoreEnded(f"{_name(chore)} ended by itself, so this process ends")


def _name(chore: object) -> str:
    return str(getattr(getattr(chore, "func", chore), "__qualname__", "a chore"))
