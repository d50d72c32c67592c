"""The hub's processes by their console commands, armed or not, on the servers of the tests.

In: a database and a broker. Out: a hub whose processes die at given points, and their logs.
"""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hub.faults import VARIABLE
from tests.support.register.subscriptions import KEYS
from tests.support.servers.stacks import COMMANDS

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping
    from pathlib import Path

STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "produce": ("osr-produce",),
    "plan": ("osr-consume", "plan", "--instance", "crashing"),
    "forward": ("osr-consume", "forward"),
    "reports": ("osr-consume", "reports", "--instance", "crashing"),
}
COMMANDED: Final[Mapping[str, tuple[str, ...]]] = {"recover": ("osr-hub", "recover")}
"""Commands that a person runs to their end."""
DIED_SECONDS: Final = 90.0
HUB_OIN: Final = "00000099000000000001"


@dataclass(kw_only=True)
class HubProcesses:
    """The stages of the flow by name, each a process of its own."""

    database: str
    bootstrap: str
    logs: Path
    running: dict[str, Process] = field(default_factory=dict)

    def environment(self, die_at: str | None = None) -> dict[str, str]:
        """Return the settings of a process, and the point where it dies."""
        ours = {
            "OSR_HUB_DATABASE__DSN": self.database,
            "OSR_HUB_OIN": HUB_OIN,
            "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap,
            "OSR_HUB_DUO_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap,
            "OSR_HUB_SECRETS__KEYS": KEYS[0].get_secret_value(),
            "OSR_HUB_WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8",
            "OSR_HUB_WEBHOOK__TIMEOUT_SECONDS": "2",
            "OSR_HUB_WEBHOOK__RETRY_SCHEDULE": "1,1,1,1,1",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OSR_HUB_")}
        return {**kept, **ours, **({VARIABLE: die_at} if die_at else {})}

    async def start(self, stage: str, die_at: str | None = None) -> None:
        """Start a stage, without waiting until it is ready."""
        command, *words = {**STAGES, **COMMANDED}[stage]
        with (self.logs / f"{stage}.log").open("ab") as log:
            self.running[stage] = await asyncio.create_subprocess_exec(
                str(COMMANDS / command), *words, stdout=log, stderr=log, env=self.environment(die_at)
            )

    async def wait_killed(self, stage: str) -> int:
        """Wait until a stage has ended by itself and return the signal; negative when it ended otherwise."""
        process = self.running.pop(stage)
        try:
            async with asyncio.timeout(DIED_SECONDS):
                return -await process.wait()
        except TimeoutError:
            await _kill(process)
            raise AssertionError(f"{stage} never came to where it should die:\n{self.tail(stage)}") from None

    async def start_all(self) -> None:
        """Start the stages that do not run."""
        for stage in STAGES:
            if stage not in self.running:
                await self.start(stage)

    async def kill(self, stage: str) -> None:
        """Kill a stage."""
        await _kill(self.running.pop(stage))

    async def kill_all(self) -> None:
        """Kill all stages that run."""
        for stage in list(self.running):
            await self.kill(stage)

    def tail(self, stage: str) -> str:
        """Return the end of a stage's log."""
        return (self.logs / f"{stage}.log").read_text(errors="replace")[-3000:]


async def _kill(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
        await process.wait()
