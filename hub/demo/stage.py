"""A running stack as its users reach it: by the API with a token for every role, and by our own commands.

In: a stack that answers. Out: calls and commands. Only the tokens are made here, with the key of that stack.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.access import Caller, Role
from hub.access.development import issue
from hub.clock import now
from hub.demo.watch import NotSettled
from hub.embedded.keys import development_keyfile
from hub.simulators.hub import HubClient
from schemas.identifiers import parse_bge_code, parse_oin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyreqwest.client import Client

    from hub.embedded.stack import Stack

SUBSCRIBED_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.1


class DemoCommandFailed(Exception):  # noqa: N818 - named after the fact it states
    """One of our own commands ended with an error, which it has printed."""

    def __init__(self, words: tuple[str, ...], code: int) -> None:
        super().__init__(f"osr-hub {' '.join(words)} ended with exit code {code}.")
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoEnvironment:
    """The stack of the demo, and a client for its API."""

    stack: Stack
    client: Client

    @property
    def operations(self) -> HubClient:
        """The API, as an operator sees it."""
        return self._hub(self.stack.connection["tokens"]["operations"])

    def schools(self, boards: Iterable[str]) -> HubClient:
        """Return the API as these boards' administrator sees it."""
        bges = frozenset(map(parse_bge_code, boards))
        return self._hub(self._issue(Caller(subject="demo", roles=frozenset({Role.SCHOOL}), bges=bges)))

    def las_token(self, oin: str) -> str:
        """Return a token for a system."""
        return self._issue(Caller(subject="demo", roles=frozenset({Role.LAS}), oins=frozenset({parse_oin(oin)})))

    async def run(self, *words: str, is_shown: bool = True) -> tuple[int, bytes]:
        """Run one of our own commands, on our standard output if it is to be shown; return its code and its output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub.cli", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=None if is_shown else asyncio.subprocess.PIPE,
            env={**os.environ, **self.stack.connection["environment"]},
        )
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, said or b""

    async def done(self, *words: str) -> None:
        """Run a command that must succeed; raise `DemoCommandFailed` when it does not."""
        code, _ = await self.run(*words)
        if code:
            raise DemoCommandFailed(words, code)

    async def subscribed(self, oins: Iterable[str]) -> None:
        """Return once these systems have subscribed; raise `NotSettled` when they do not."""
        expected, give_up_at = set(oins), time.monotonic() + SUBSCRIBED_SECONDS
        while True:
            listed = await self.operations.call("GET", "/subscriptions")
            missing = expected - {one["supplierOin"] for one in listed["items"] if one["status"] == "active"}
            if not missing:
                return
            if time.monotonic() > give_up_at:
                raise NotSettled(f"these systems have not subscribed: {', '.join(sorted(missing))}")
            await asyncio.sleep(LOOK_SECONDS)

    def _hub(self, token: str) -> HubClient:
        return HubClient(self.client, self.stack.connection["api"], lambda: token)

    def _issue(self, caller: Caller) -> str:
        return issue(development_keyfile(self.stack.data), caller, now=now())
