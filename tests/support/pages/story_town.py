"""The stories of schools: a running stack, a board's administrator at its pages, and what arrived at receivers.

In: a running stack. Out: mandates given beforehand, messages in DUO's queues, and DUO's answers in the page's words.
"""

from __future__ import annotations

import os
import signal
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.clock import now, today
from hub.console.i18n import Translator
from hub.domain.says import Language
from tests.support.pages.walking import WAYS, Walker, walking
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser

    from tests.support.receivers.receiver import Receiver
    from tests.support.servers.stacks import RunningStack

BOARD: Final = "41676"
DUO_FINAL: Final = {"processed", "processed_with_signal", "rejected"}
QUEUES: Final = {"BRON_PO": "duo.bron-po.v1", "VERZUIM": "duo.verzuim.v1", "RIO": "duo.rio.v1"}
OLD: Final = "Nagebootst"
NEW: Final = "Getuige"
"""The simulated LAS of the stack, and the one of these tests, which reports when a test says so."""
T: Final = Translator(Language.DUTCH)


@dataclass(frozen=True, kw_only=True)
class Town:
    """A running stack with schools and systems, and the LAS of these tests."""

    stack: RunningStack
    school: str
    """A token of the board's administrator."""
    las: str
    receiver: Receiver
    simulated: str

    @property
    def address(self) -> str:
        """Where the pages are."""
        return str(self.stack.connection["console"]).removesuffix("/console")

    async def give(self, brin: str, service: str, **more: object) -> str:
        """Give a mandate by the API, and return the path of its page once it was taken by its receiver."""
        body = {"brin": brin, "serviceCode": service, "supplierOin": self.simulated, **more}
        made = await self.stack.call("POST", "/mandates", body, token=self.school)
        await self.told(brin, service, "granted")
        return f"/mandaten/{brin}/{made['id']}"

    async def told(self, brin: str, service: str, kind: str, system: str | None = None) -> dict[str, Any]:
        """Wait until DUO's queue has a message about a school, and return it."""
        found: list[dict[str, Any]] = []

        async def is_there() -> bool:
            events = [orjson.loads(record.value) for record in await self.stack.read_topic(QUEUES[service])]
            found[:] = [e for e in events if _is_about(e, brin, kind, system)]
            return bool(found)

        await until(is_there, f"{kind} about {brin} in {QUEUES[service]}", look=0.3)
        return found[-1]

    async def answer(self, event: dict[str, Any]) -> str:
        """Wait for DUO's answer to a message; return the beginning of the sentence that a school reads about it."""
        found: list[str] = []

        async def is_there() -> bool:
            found[:] = [str((await self.stack.call("GET", f"/deliveries/{event['id']}"))["status"])]
            return found[0] in DUO_FINAL

        await until(is_there, f"an answer to {event['id']}")
        return T(f"msg_{found[0]}").partition(":")[0]


def _is_about(event: dict[str, Any], brin: str, kind: str, system: str | None) -> bool:
    is_kind = event["partitionkey"] == brin and event["type"] == f"nl.osr.mandate.{kind}.v1"
    return is_kind and (system is None or event["data"]["systemName"] == system)


@asynccontextmanager
async def logged_in(browser: Browser, way: str, town: Town, wanted: str) -> AsyncIterator[Walker]:
    """Let the board's administrator ask for a page, log in, and come there."""
    async with walking(browser, way, town.address) as person:
        await person.page.goto(f"{town.address}{wanted}")
        await person.follow(T("login_start"))
        await person.follow("Mark Jansen")
        assert person.page.url == f"{town.address}{wanted}"
        yield person


@contextmanager
def paused(town: Town, name: str) -> Iterator[None]:
    """Let a process of the stack do nothing for a while."""
    pid = town.stack.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def schools(way: str, *both: tuple[str, str]) -> tuple[str, ...]:
    """Return the schools of one of the ways, of which each has its own."""
    return tuple(pair[WAYS.index(way)] for pair in both)


def later(years: int, month: int, number: int) -> str:
    """Return a day of a later year as people write it."""
    return f"{number}-{month}-{today(now()).year + years}"


def told_day(written: str) -> str:
    """Return a day as pages write it."""
    number, month, year = written.split("-")
    return f"{int(number):02}-{int(month):02}-{year}"


async def text_of(person: Walker) -> str:
    """Return what the page shows, each run of blanks as one."""
    return " ".join((await person.page.locator("body").inner_text()).split())


async def label_of(person: Walker, brin: str) -> str:
    """Return the words of a school's box."""
    return " ".join((await person.page.locator(f"label[for=brin-{brin}]").inner_text()).split())
