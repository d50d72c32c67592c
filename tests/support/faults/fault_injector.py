"""Kills and pauses parts of a running stack, and makes receivers behave badly, as a seed decides.

In: a stack, a second forwarder, the faulty receivers. Out: the injected faults, and when.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.support.servers.stacks import COMMANDS

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Awaitable, Callable

    from tests.support.servers.stacks import RunningStack

SECOND: Final = "forward 2"
VICTIMS: Final = {
    "forward": 5, SECOND: 5, "plan": 3, "produce": 3, "reports": 3, "serve": 1, "simulate-duo": 2, "kafka": 2,
    "postgres": 1,
}  # fmt: skip
"""The victims, and their weights in the draw."""
BEHAVIOURS: Final = ("500", "hang", "reset", "drip", "late", "short", "redirect", "one", "all")
SENDERS: Final = frozenset({"forward", SECOND, "postgres"})
"""Only faults of these make the hub repeat a message that its receiver took."""
PAUSES: Final = (0.3, 1.0, 2.5, 6.0)
LONG_PAUSE_SECONDS: Final = 60.0
BEHAVIOUR_SECONDS: Final = 6.0
RECOVERY_SECONDS: Final = 6.0
MAX_POSTGRES_KILLS: Final = 2


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault, its victim, and when."""

    at: float
    what: str
    victim: str


@dataclass(kw_only=True)
class FaultInjector:
    """The faults of one seed; `set_behaviour` tells a receiver, by its number, how to answer.

    `slowness` is how much longer than usual things take on this machine: no victim is hit again before it could start.
    """

    stack: RunningStack
    seed: int
    slowness: float
    receivers: int
    set_behaviour: Callable[[int, str], Awaitable[None]]
    faults: list[InjectedFault] = field(default_factory=list)
    second: Process | None = None

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)  # noqa: S311 - reproducible choice, no secret
        self._paused: set[int] = set()
        self._later: set[asyncio.Task[None]] = set()
        self._hit_at: dict[str, float] = {}
        self._long_paused: str | None = None

    @property
    def kills(self) -> int:
        """The number of processes that were killed."""
        return sum(act.what == "kill" for act in self.faults)

    async def ensure_second(self) -> None:
        """Start the second forwarder unless it runs."""
        if self.second is None or self.second.returncode is not None:
            environment = {**os.environ, **self.stack.connection["environment"]}
            quiet = asyncio.subprocess.DEVNULL
            self.second = await asyncio.create_subprocess_exec(
                str(COMMANDS / "osr-consume"), "forward", env=environment, stdout=quiet, stderr=quiet
            )

    async def pause_long(self, victim: str) -> None:
        """Pause a process for a minute, so that it resumes with leases that others took over long ago."""
        self._long_paused = victim
        self._pause(victim, LONG_PAUSE_SECONDS)
        await asyncio.sleep(LONG_PAUSE_SECONDS)
        self._long_paused = None

    async def inject(self, until: asyncio.Event, least: int) -> None:
        """Inject at least so many faults, until told to stop."""
        while not until.is_set() or len(self.faults) < least:
            await asyncio.sleep(self._draw.uniform(0.4, 1.6) * self.slowness)
            await self.ensure_second()
            if self._draw.random() < 0.4:
                await self._change_behaviour()
            else:
                self._hit(self._draw.choices(list(VICTIMS), list(VICTIMS.values()))[0])

    async def restore_all(self) -> None:
        """Resume all processes, and make all receivers honest."""
        for task in list(self._later):
            task.cancel()
        for pid in list(self._paused):
            self._resume_process(pid)
        for receiver in range(self.receivers):
            await self.set_behaviour(receiver, "honest")
        await self.ensure_second()

    async def end(self) -> None:
        """End all pauses, and the second forwarder."""
        for task in list(self._later):
            task.cancel()
        for pid in list(self._paused):
            self._resume_process(pid)
        if self.second is not None and self.second.returncode is None:
            self.second.kill()
            await self.second.wait()

    def pid(self, victim: str) -> int | None:
        """Return the victim's process number now."""
        if victim == SECOND:
            return self.second.pid if self.second and self.second.returncode is None else None
        return self.stack.pid(victim)

    def kill(self, victim: str) -> None:
        """Kill a process, if it runs."""
        pid = self.pid(victim)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.faults.append(InjectedFault(time.time(), "kill", victim))

    def _hit(self, victim: str) -> None:
        if (
            victim == self._long_paused
            or time.time() - self._hit_at.get(victim, 0.0) < RECOVERY_SECONDS * self.slowness
        ):
            return
        self._hit_at[victim] = time.time()
        fell = sum(act.victim == "postgres" and act.what == "kill" for act in self.faults)
        if self._draw.random() < 0.6 and not (victim == "postgres" and fell >= MAX_POSTGRES_KILLS):
            self.kill(victim)
        else:
            self._pause(victim, self._draw.choice(PAUSES))

    def _pause(self, victim: str, seconds: float) -> None:
        pid = self.pid(victim)
        if pid is None or pid in self._paused:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self._paused.add(pid)
            self.faults.append(InjectedFault(time.time(), "pause", victim))
            self._after(seconds, lambda: self._resume(pid, victim))

    def _resume(self, pid: int, victim: str) -> None:
        self._resume_process(pid)
        self.faults.append(InjectedFault(time.time(), "resume", victim))

    def _resume_process(self, pid: int) -> None:
        self._paused.discard(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    async def _change_behaviour(self) -> None:
        receiver, behaviour = self._draw.randrange(self.receivers), self._draw.choice(BEHAVIOURS)
        await self.set_behaviour(receiver, behaviour)
        self.faults.append(InjectedFault(time.time(), behaviour, f"receiver {receiver}"))

        async def relent() -> None:
            await asyncio.sleep(BEHAVIOUR_SECONDS)
            await self.set_behaviour(receiver, "honest")

        self._keep(asyncio.create_task(relent()))

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        async def later() -> None:
            await asyncio.sleep(seconds)
            do()

        self._keep(asyncio.create_task(later()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._later.add(task)
        task.add_done_callback(self._later.discard)
