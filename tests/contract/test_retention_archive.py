"""`osr-hub retention --archive`: what goes is on the disk before it is gone, whenever the command is killed."""

from __future__ import annotations

import asyncio
import csv
import gzip
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hub.operations.archive import UNFINISHED, Archive
from tests.bench.grow import Growth, grow
from tests.support.servers.commands import osr_hub, read

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

DIES_WHEN_KEPT = """
import os, sys
from hub.cli import main
from hub.operations.archive import Archive
keep = Archive.keep
def keep_and_die(self, removed):
    keep(self, removed)
    if any(removed.values()):
        os.kill(os.getpid(), 9)
Archive.keep = keep_and_die
sys.argv = ["osr-hub", "retention", "--archive", sys.argv[1]]
main()
"""


@pytest.fixture
async def aged(connection: asyncpg.Connection[Any]) -> asyncpg.Connection[Any]:
    """A ledger whose deliveries are up to 1,000 days old."""
    await grow(connection, Growth(deliveries=800, schools=20, days=1000), lambda _: None)
    return connection


async def all_ids(c: asyncpg.Connection[Any]) -> set[str]:
    """Return the ids of all deliveries."""
    return {str(row["id"]) for row in await c.fetch("select id from deliveries")}


def archived(folder: Path, kind: str) -> list[dict[str, str]]:
    """Return all rows of a kind."""
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob(f"{kind}-*.csv.gz")):
        with gzip.open(path, "rt", newline="") as file:
            rows += list(csv.DictReader(file))
    return rows


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_what_goes_is_in_the_archive_and_nothing_else(
    database: str, aged: asyncpg.Connection[Any], tmp_path: Path
) -> None:
    """The deliveries that are gone are those of the files; these are their owner's, and the ledger is right."""
    before = {str(row["id"]): row for row in await aged.fetch("select * from deliveries")}
    folder = tmp_path / "archive"
    code, _, failed = await osr_hub(database, "retention", "--archive", str(folder))
    assert (code, failed) == (0, "")
    gone = before.keys() - await all_ids(aged)
    rows = archived(folder, "deliveries")
    assert len(rows) == len(gone) > 100
    assert {row["id"] for row in rows} == gone
    one = rows[0]
    kept = before[one["id"]]
    assert (one["brin"], int(one["sequence"]), one["status"]) == (kept["brin"], kept["sequence"], kept["status"])
    assert set(one) == {*kept.keys()}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (await read(database, "verify"))["ok"] is True


async def test_a_run_that_is_killed_before_its_commit_has_deleted_nothing(
    database: str, aged: asyncpg.Connection[Any], tmp_path: Path
) -> None:
    """Its file is whole; the next run takes the same portion, writes the same file, and deletes it."""
    before = await all_ids(aged)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DIES_WHEN_KEPT, str(tmp_path)),
        env={**os.environ, "OSR_HUB_DATABASE__DSN": database},
    )
    assert await process.wait() == -signal.SIGKILL
    assert await all_ids(aged) == before
    first = contents(tmp_path)
    assert len(first) >= 1
    unfinished = tmp_path / f"deliveries-0.csv.gz{UNFINISHED}"
    unfinished.write_bytes(b"half")
    code, _, _ = await osr_hub(database, "retention", "--archive", str(tmp_path))
    assert code == 0
    assert not unfinished.exists()
    assert {name: (tmp_path / name).read_bytes() for name in first} == first
    ids = [row["id"] for row in archived(tmp_path, "deliveries")]
    assert sorted(ids) == sorted(before - await all_ids(aged))


async def test_what_cannot_be_archived_stays(database: str, aged: asyncpg.Connection[Any], tmp_path: Path) -> None:
    """A folder that cannot be made is said in a sentence, and nothing is deleted."""
    before = await all_ids(aged)
    (tmp_path / "file").write_text("in the way")
    code, _, failed = await osr_hub(database, "retention", "--archive", str(tmp_path / "file" / "archive"))
    assert code != 0
    assert "cannot be written" in failed
    assert await all_ids(aged) == before


async def test_a_dry_run_writes_nothing(database: str, aged: asyncpg.Connection[Any], tmp_path: Path) -> None:
    """It counts, and leaves the folder alone."""
    code, said, _ = await osr_hub(database, "retention", "--dry-run", "--archive", str(tmp_path / "archive"))
    assert (code, "deliveries" in said) == (0, True)
    assert not (tmp_path / "archive").exists()
    assert await aged.fetchval("select count(*) from deliveries") == 800


def test_values_of_json_are_columns_of_text(tmp_path: Path) -> None:
    """Nested values are JSON, nothing is an empty field, and equal portions are the same file."""
    archive = Archive(tmp_path)
    archive.keep({"events": ['{"brin":"18DS","units":[{"branch":""}],"trace":null}'], "routes": []})
    archive.keep({"events": ['{"brin":"18DS","units":[{"branch":""}],"trace":null}']})
    assert archived(tmp_path, "events") == [{"brin": "18DS", "units": '[{"branch":""}]', "trace": ""}]
    assert len(list(tmp_path.iterdir())) == 1
