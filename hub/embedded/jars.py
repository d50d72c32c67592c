"""Apache Kafka's jars. In: a cache folder. Out: the jars to run, each one checked against the pinned SHA-256.

`hub.embedded.fetch` fetches them once, in a process of its own that can be stopped at any moment; later starts only
check them. Several processes may ask at the same time: one fetches, the others wait for it.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from hub.embedded.errors import JarsDiffer, JarsUnreachable
from hub.embedded.fetch import VERSION
from hub.embedded.spawn import CommandFailed, run_to_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    Fetch = Callable[[Path], Awaitable[None]]

LOCK_POLL_SECONDS: Final = 0.2
log = structlog.get_logger(__name__)


async def kafka_jars(cache: Path, *, fetch: Fetch | None = None, pinned: Mapping[str, str] | None = None) -> list[Path]:
    """Return the jars of Apache Kafka in `cache`, fetched when absent.

    `JarsDiffer` names every missing, extra or different jar; `JarsUnreachable` says what to do without Maven Central.
    `fetch` fills an empty folder with jars, `pinned` maps names to hashes; both are the real ones unless given.
    """
    expected = read_pins() if pinned is None else pinned
    folder = cache / f"kafka-{VERSION}"
    if not folder.exists():
        async with file_lock(cache / f"kafka-{VERSION}.lock"):
            if not folder.exists():
                await _fetch_into(folder, fetch or fetch_from_central, expected)
    _check(folder, expected)
    return sorted(folder.glob("*.jar"))


async def fetch_from_central(folder: Path) -> None:
    """Resolve and fetch the jars into an empty folder, in another process."""
    log.info("kafka.fetching", version=VERSION, next="later starts use the cache", cache=str(folder.parent))
    try:
        await run_to_end(
            (sys.executable, "-P", "-W", "ignore", "-m", "hub.embedded.fetch", str(folder)),
            environment=_with_a_home(folder.parent),
        )
    except CommandFailed as error:
        raise JarsUnreachable((error.said.strip().splitlines() or ["no reason given"])[-1][:200]) from None


def _with_a_home(fallback: Path) -> dict[str, str]:
    """Return the environment, with a HOME where the system knows none: jgo looks for its settings there."""
    try:
        Path.home()
    except RuntimeError:
        return {**os.environ, "HOME": str(fallback)}
    return dict(os.environ)


def read_pins() -> dict[str, str]:
    """Return the committed list: jar name to SHA-256 in hexadecimal."""
    lines = files("hub.embedded").joinpath("jars.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def differences(folder: Path, expected: Mapping[str, str]) -> tuple[str, ...]:
    """Return in words where a folder's jars differ from the expected ones."""
    found = {path.name: path for path in folder.glob("*.jar")}
    missing = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    extra = [f"{name} does not belong there" for name in sorted(found.keys() - expected.keys())]
    changed = [
        f"{name} has another SHA-256 than the pinned one"
        for name in sorted(expected.keys() & found.keys())
        if hashlib.sha256(found[name].read_bytes()).hexdigest() != expected[name]
    ]
    return (*missing, *extra, *changed)


async def _fetch_into(folder: Path, fetch: Fetch, expected: Mapping[str, str]) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=".kafka-", dir=folder.parent))
    try:
        await fetch(fresh)
        _check(fresh, expected)
        os.rename(fresh, folder)  # noqa: PTH104 - atomic, and too short to await
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _check(folder: Path, expected: Mapping[str, str]) -> None:
    found = differences(folder, expected)
    if found:
        raise JarsDiffer(folder, found)


@asynccontextmanager
async def file_lock(path: Path) -> AsyncIterator[None]:
    """Hold a lock among processes while the context lasts."""
    with path.open("a") as lock:
        while not _try_lock(lock.fileno()):  # noqa: ASYNC110 - a file lock has no event
            await asyncio.sleep(LOCK_POLL_SECONDS)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
