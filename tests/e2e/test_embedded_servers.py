"""PostgreSQL and Apache Kafka as the stack runs them: as whom, for whom, and what they survive."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from hub.embedded.accounts import UnixAccount, unprivileged_account
from hub.embedded.archive import find_kafka
from hub.embedded.errors import NoPasswdEntry
from hub.embedded.keys import StackSecrets
from hub.embedded.paths import DataDir, cache_dir, is_root, user_area
from hub.embedded.postgres import EmbeddedPostgres, find_postgres
from hub.embedded.postgres_binaries import BIN, copy_to, find_binaries
from hub.embedded.spawn import run_to_end
from hub.embedded.supervisor import Supervisor
from hub.kafka.topics import create_missing, ensure_topics
from schemas.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from hub.embedded.program import Program

SMALL = {"shared_buffers": "16MB"}


@pytest.fixture
def reachable() -> Iterator[DataDir]:
    """Give a data folder that another user than root can get to."""
    folder = Path(tempfile.mkdtemp(dir=user_area()))
    folder.chmod(0o711)
    data = DataDir(folder)
    data.create()
    yield data
    shutil.rmtree(folder)


@asynccontextmanager
async def running(program: Program, data: DataDir) -> AsyncIterator[Supervisor]:
    """Run one server for as long as the context lasts."""
    supervisor = Supervisor([program], logs=data.logs, changed=lambda: None)
    try:
        await supervisor.start(within=60)
        yield supervisor
    finally:
        await supervisor.stop()


async def eventually(claim: Callable[[], bool]) -> None:
    """Wait until a claim holds."""
    async with asyncio.timeout(90):
        while not claim():
            await asyncio.sleep(0.02)


def server_in(data: DataDir) -> EmbeddedPostgres:
    """Describe a small PostgreSQL in a data folder."""
    keys = StackSecrets.load_or_create(data)
    return find_postgres(
        data, port=keys.postgres_port, admin_password=keys.admin_password, password=keys.password, settings=SMALL
    )


def owner_of(process: int) -> int:
    """Say as which user a process runs."""
    return os.stat(f"/proc/{process}").st_uid  # noqa: PTH116 - a number is all that is needed


async def test_postgres_is_private(reachable: DataDir) -> None:
    """It never runs as root, its folder is closed to others, and nobody gets in without the password."""
    server = server_in(reachable)
    async with running(server.program(), reachable) as supervisor:
        [(_, pid)] = supervisor.pids
        assert owner_of(pid) != 0
        assert owner_of(pid) == reachable.postgres.stat().st_uid
        assert stat.S_IMODE(reachable.postgres.stat().st_mode) == 0o700
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.dsn.replace(server.password, "guessed"))
        connection = await asyncpg.connect(server.dsn)
        assert await connection.fetchval("select rolsuper from pg_roles where rolname = current_user") is False
        assert await connection.fetchval("show fsync") == "on"
        await connection.close()


async def test_postgres_keeps_what_was_committed_when_it_is_killed(reachable: DataDir) -> None:
    """After a kill -9 of the postmaster it comes back on the same address, with what was committed."""
    server = server_in(reachable)
    async with running(server.program(), reachable) as supervisor:
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("create table kept as select 42 as answer")
        before = supervisor.pids
        os.kill(before[0][1], signal.SIGKILL)
        await eventually(lambda: supervisor.pids not in ((), before))
        await supervisor.wait_ready()
        connection.terminate()
        connection = await asyncpg.connect(server.dsn)
        assert await connection.fetchval("select answer from kept") == 42
        await connection.close()


async def test_a_closed_data_folder_stays_closed(tmp_path: Path) -> None:
    """Where the user that runs PostgreSQL cannot get to, the cluster lies elsewhere; no folder is opened for it."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    data = DataDir(closed / "stack")
    data.create()
    server = server_in(data)
    async with running(server.program(), data):
        connection = await asyncpg.connect(server.dsn)
        await connection.close()
    cluster = data.postgres.resolve()
    assert (stat.S_IMODE(closed.stat().st_mode), data.postgres.is_symlink()) == (0o700, is_root())
    data.clear()
    assert not cluster.exists()


async def test_the_programs_can_be_run_from_a_copy(tmp_path: Path) -> None:
    """Where the installed files cannot be reached they are copied, and the copy works."""
    site = find_binaries(None).parents[len(BIN.parts) - 1]
    copy = await asyncio.to_thread(copy_to, tmp_path, site)
    assert copy_to(tmp_path, site) == copy
    said = await run_to_end((str(copy / BIN / "initdb"), "--version"), environment={"LC_ALL": "C"})
    assert said.startswith("initdb (PostgreSQL) 18")


def test_who_may_reach_a_file_is_seen_from_the_folders_above_it(tmp_path: Path) -> None:
    """A file that all may read is out of reach when one folder above it is closed."""
    somebody = UnixAccount(uid=4_000_000, gid=4_000_000)
    shelf = tmp_path / "shelf"
    shelf.mkdir(mode=0o711)
    file = shelf / "file"
    file.write_text("x")
    file.chmod(0o644)
    steps = {folder: folder.stat().st_mode for folder in (*tmp_path.parents, tmp_path)}
    is_open = all(mode & stat.S_IXOTH for mode in steps.values())
    assert somebody.can_reach(file) is is_open
    assert somebody.can_pass(Path("/usr/bin")) is True
    shelf.chmod(0o700)
    assert somebody.can_reach(file) is False


def test_root_runs_postgres_as_somebody_else() -> None:
    """Only root needs another user, and that user is not root."""
    account = unprivileged_account()
    assert (account is not None) == is_root()
    assert account is None or account.uid != 0


def test_a_user_without_a_name_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL makes no cluster for a number without a name, and twelve tries would not help."""
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    with pytest.raises(NoPasswdEntry, match="user 4000000, who has no entry in /etc/passwd"):
        find_postgres(DataDir(tmp_path), port=1, admin_password="a", password="b")


async def test_a_wiped_kafka_comes_back_with_its_topics(tmp_path: Path) -> None:
    """Its folder may vanish while it runs and again while it starts; it returns by itself, topics and all."""
    data = DataDir(tmp_path)
    data.create()
    kafka = await find_kafka(data, StackSecrets.load_or_create(data), cache_dir())

    async def have_topics() -> None:
        await create_missing(kafka.bootstrap, TOPICS)

    async with running(kafka.program(on_ready=have_topics, maintain=have_topics), data) as supervisor:
        first = supervisor.pids
        shutil.rmtree(data.kafka, ignore_errors=True)  # it may write while we remove
        await eventually(lambda: supervisor.pids not in ((), first))
        second = supervisor.pids
        data.kafka.rename(tmp_path / "gone")
        await eventually(lambda: supervisor.pids not in ((), second))
        await supervisor.wait_ready()
        found = await ensure_topics(kafka.bootstrap, TOPICS)
        assert (found.created, found.differences) == ((), ())
