"""`osr-hub up` and its commands in environments that others have: they work, or say one sentence within seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import orjson
import pytest

from hub.embedded.errors import DataFolderUnusable
from hub.embedded.paths import DataDir, check_space
from hub.errors import NotAllowed
from tests.support.servers.forked_commands import Run, run_all
from tests.support.servers.up_process import osr_hub_up

NOWHERE: Final = "/nowhere/at/all"
ODD: Final = {
    "LC_ALL": "POSIX",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "PYTHONOPTIMIZE": "2",
    "PATH": NOWHERE,
    "TMPDIR": NOWHERE,
    "HOME": NOWHERE,
    "TZ": "Non/sense",
    "COLUMNS": "wide",
    "TERM": "nonsense",
    "PGHOST": "nowhere.invalid",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGDATABASE": "none",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": NOWHERE,
    "PGTARGETSESSIONATTRS": "standby",
    "PGOPTIONS": "-c nonsense=1",
    "PGDATA": NOWHERE,
    "PGSERVICE": "none",
}
AS_SOMEBODY: Final = ("/usr/bin/setpriv", "--reuid=54321", "--regid=54321", "--clear-groups")
COMMANDS: Final = [("migrate",), ("lag",), ("verify",), ("deliveries",), ("parked", "list"), ("keys", "list")]


@pytest.mark.proof
async def test_up_works_in_an_odd_environment(tmp_path: Path) -> None:
    """Locale, paths, umask, optimised Python and `PG…` variables of the caller change nothing."""
    before = os.umask(0)
    try:
        async with osr_hub_up(
            "--data-dir", str(tmp_path / "made" / "x"), environment={**os.environ, **ODD, "HOME": str(Path.home())}
        ) as up:
            await up.until_ready_or_ended()
            assert up.is_ready, up.said
            found = orjson.loads((tmp_path / "made" / "x" / "connection.json").read_bytes())
            assert len(found["processes"]) >= 9
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o022 == 0


async def test_commands_work_in_an_odd_environment(database: str, tmp_path: Path) -> None:
    """Each ends with 0; a line end at the end of a value, as in secrets of Kubernetes, means nothing."""
    settings = {**ODD, "OSR_HUB_DATABASE__DSN": f"  {database}\n"}
    runs = [Run(words=("osr-hub", *words), settings=settings) for words in COMMANDS]
    for run, outcome in zip(runs, await run_all(runs, tmp_path), strict=True):
        assert (outcome.code, "Traceback" in outcome.said) == (0, False), (run, outcome)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user that the system does not know")
def test_a_user_without_a_name_and_a_home_can_use_commands(database: str) -> None:
    """As containers have them: no entry in /etc/passwd, and no HOME."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*AS_SOMEBODY, sys.executable, "-P", "-m", "hub.cli", "verify"],
        cwd="/",
        env={"OSR_HUB_DATABASE__DSN": database},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_errors_speak_without_docstrings() -> None:
    """`python -OO` takes docstrings away; an error that is raised without words still says what it is."""
    code = "from hub.errors import NotAllowed, Unavailable; print(NotAllowed(), '|', Unavailable())"
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "not allowed | unavailable\n"
    assert str(NotAllowed()) == "This caller may not do that."


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Databases that are created on it would fail in the middle, in words of their own."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=12 * 2**20))
    with pytest.raises(DataFolderUnusable, match="12 MB are left on its disk, and 200 MB are needed"):
        check_space(DataDir(tmp_path))
