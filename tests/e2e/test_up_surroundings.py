"""`osr-hub up` in the surroundings that others have: odd paths, a second stack, other users, terminals that close."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import stat
import struct
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError
from pyreqwest.client import ClientBuilder

from hub.embedded.accounts import UnixAccount
from hub.embedded.paths import ROOT_BASE, is_root, user_area
from tests.support.servers.ports import free_port
from tests.support.servers.stacks import UNAVAILABLE
from tests.support.servers.up_process import osr_hub_up, osr_hub_up_on_a_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD: Final = "données, a\\b c"
WITHIN: Final = 60.0
DELETE_TOPICS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What two runs on one folder showed."""

    loser_code: int | None
    loser_said: str
    loser_seconds: float
    winner_seconds: float
    loser_made: list[str]
    open_client: str
    controller_answer: bytes
    kafka_mode: int
    kafka_settings_mode: int
    topics_code: int
    published: int
    first_tokens: dict[str, str]
    second_tokens: dict[str, str]
    statuses: dict[str, int]
    hung_up_code: int
    is_file_left: bool
    pids_left: list[int]


@pytest.fixture(scope="module")
def odd_folder() -> Iterator[Path]:
    """Return a folder whose name has letters beyond ASCII, a comma, a backslash and blanks."""
    above = Path(tempfile.mkdtemp(dir=user_area() if is_root() else None))
    above.chmod(0o711)
    yield above / ODD
    shutil.rmtree(above, ignore_errors=True)


@pytest.fixture(scope="module")
async def seen(odd_folder: Path) -> Seen:
    """Let two stacks start at once on one port, look at the one that got it, and hang up on it the second time."""
    port = free_port()
    where = ("--port", str(port), "--data-dir")
    async with osr_hub_up(*where, f"{odd_folder} 1") as one, osr_hub_up(*where, f"{odd_folder} 2") as two:
        await asyncio.gather(one.until_ready_or_ended(), two.until_ready_or_ended())
        winner, loser, folder = (
            (one, two, Path(f"{odd_folder} 1")) if one.is_ready else (two, one, Path(f"{odd_folder} 2"))
        )
        if not winner.is_ready and winner.process.returncode == UNAVAILABLE:
            pytest.fail(f"{one.said}\n{two.said}")
        assert winner.is_ready, f"{one.said}\n{two.said}"
        found = _read(folder)
        environment = {**os.environ, **found["environment"]}
        async with osr_hub_up(environment=environment, command=("topics",)) as topics:
            topics_code = await topics.ended()
        about: dict[str, Any] = {
            "loser_code": loser.process.returncode,
            "loser_said": loser.said,
            "loser_seconds": loser.seconds,
            "winner_seconds": winner.seconds,
            "loser_made": _made_in(Path(f"{odd_folder} {2 if loser is two else 1}")),
            "open_client": await _list_topics_without_password(found["kafkaBootstrapServers"]),
            "controller_answer": await _delete_a_topic(_controller_port(folder)),
            "kafka_mode": stat.S_IMODE((folder / "kafka").stat().st_mode),
            "kafka_settings_mode": stat.S_IMODE((folder / "kafka-settings").stat().st_mode),
            "topics_code": topics_code,
            "first_tokens": found["tokens"],
        }
    async with osr_hub_up_on_a_terminal(*where, str(folder), PYTHONIOENCODING="ascii") as (again, hang_up):
        await again.until_ready_or_ended()
        assert again.is_ready, again.said
        second = _read(folder)
        statuses = {
            "first": await _status(second["api"], found["tokens"]["operations"]),
            "second": await _status(second["api"], second["tokens"]["operations"]),
        }
        hang_up()
        code = await again.ended()
    return Seen(
        **about,
        published=len(second["processes"]),
        second_tokens=second["tokens"],
        statuses=statuses,
        hung_up_code=code,
        is_file_left=(folder / "connection.json").exists(),
        pids_left=[one["pid"] for one in second["processes"] if _is_there(one["pid"])],
    )


def _made_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((folder / "connection.json").read_bytes())
    return found


def _controller_port(folder: Path) -> int:
    port: int = orjson.loads((folder / "keys" / "stack.json").read_bytes())["kafka_controller_port"]
    return port


async def _list_topics_without_password(bootstrap: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        async with asyncio.timeout(WITHIN):
            await admin.start()
            return f"answered {await admin.list_topics()}"
    except KafkaConnectionError:
        return "refused"
    finally:
        with suppress(Exception):
            await admin.close()


async def _delete_a_topic(port: int) -> bytes:
    """Ask as a client that knows no password may: DeleteTopics, version 1, of `duo.reports.v1`."""
    topic = b"duo.reports.v1"
    body = struct.pack(">hhih", DELETE_TOPICS, 1, 7, 1) + b"x" + struct.pack(">ih", 1, len(topic)) + topic
    body += struct.pack(">i", 1000)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(struct.pack(">i", len(body)) + body)
        async with asyncio.timeout(WITHIN):
            return await reader.read(1000)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def _status(api: str, token: str) -> int:
    async with ClientBuilder().timeout(timedelta(seconds=10)).no_proxy().build() as client:
        response = await client.get(f"{api}/lag").bearer_auth(token).build().send()
        return int(response.status)


def test_of_two_stacks_on_one_port_the_second_says_so(seen: Seen) -> None:
    """One is ready; the other one ends with 2 before it started anything, and says in a sentence why."""
    assert seen.loser_code == UNAVAILABLE
    assert seen.loser_seconds < seen.winner_seconds
    assert seen.loser_made == ["keys", "lock", "logs", "simulators"]
    assert seen.loser_said.startswith("osr-hub: port ")
    assert seen.loser_said.count("\n") == 1


def test_kafka_wants_a_password_of_everybody(seen: Seen) -> None:
    """Without it nobody lists topics, or deletes one at the controller's port, or reads its files."""
    assert seen.open_client == "refused"
    assert seen.controller_answer == b""
    assert (seen.kafka_mode, seen.kafka_settings_mode) == (0o700, 0o700)


def test_the_environment_of_the_connection_file_is_enough(seen: Seen) -> None:
    """A command that gets it, and nothing else, reaches the broker."""
    assert seen.topics_code == 0


def test_the_tokens_of_an_earlier_run_mean_nothing(seen: Seen) -> None:
    """Each start has a key of its own."""
    assert seen.statuses == {"first": 401, "second": 200}
    assert not set(seen.first_tokens.values()) & set(seen.second_tokens.values())


def test_a_closed_terminal_stops_everything(seen: Seen) -> None:
    """SIGHUP ends it well, on a terminal that is not UTF-8 too: no connection file and no process is left."""
    assert seen.published >= 9
    assert seen.hung_up_code == 0
    assert seen.is_file_left is False
    assert seen.pids_left == []


async def _refusal(*words: str, environment: dict[str, str] | None = None, **more: Any) -> str:
    """Run it where it cannot run, and return the sentence that it says within seconds."""
    async with osr_hub_up(*words, environment=environment, **more) as up:
        await up.until_ready_or_ended()
        assert up.process.returncode == UNAVAILABLE, up.said
        assert up.seconds < WITHIN
    assert "Traceback" not in up.said
    return up.said


async def test_a_data_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file above it, a file system that takes nothing, and a name that is not UTF-8 are said at once."""
    (tmp_path / "file").write_text("x")
    assert "(Not a directory); give another --data-dir" in await _refusal("--data-dir", f"{tmp_path}/file/below")
    assert "cannot be used (" in await _refusal("--data-dir", "/proc/osr-hub")
    odd = os.fsdecode(bytes(tmp_path) + b"/\xff")
    assert "its name is not UTF-8" in await _refusal("--data-dir", odd)


async def test_damaged_secrets_are_named(tmp_path: Path) -> None:
    """A half-written file of secrets stops the start in a sentence."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "stack.json").write_text('{"password": ')
    assert "stack.json is damaged" in await _refusal("--data-dir", str(tmp_path))


async def test_a_port_of_another_program_is_named(tmp_path: Path) -> None:
    """A port that something listens on stops the start in a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = await _refusal("--data-dir", str(tmp_path), "--port", str(port))
    assert said == f"osr-hub: port {port} cannot be used (Address already in use); give another --port.\n"


@pytest.fixture
def nameless() -> Iterator[dict[str, Any]]:
    """Return arguments that start a process as a user without a name and without a home."""
    if not is_root():
        pytest.skip("only root can become another user")
    if not UnixAccount(uid=61_000, gid=61_000).can_reach(Path(sys.executable).resolve()):
        pytest.skip("this Python is closed to other users")
    uid = next(number for number in range(61_000, 62_000) if not _has_name(number))
    environment = {name: value for name, value in os.environ.items() if name != "HOME" and not name.startswith("XDG_")}
    yield {"environment": environment, "user": uid, "group": uid, "extra_groups": [], "cwd": "/"}
    shutil.rmtree(ROOT_BASE / f"osr-hub-{uid}", ignore_errors=True)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


async def test_a_user_without_a_name_or_a_home_is_told(nameless: dict[str, Any]) -> None:
    """Containers run as numbers: PostgreSQL cannot, and that is said at once; the folder is found without a home."""
    said = await _refusal(**nameless)
    assert "who has no entry in /etc/passwd" in said
    assert (ROOT_BASE / f"osr-hub-{nameless['user']}" / "stack").is_dir()


async def test_wrong_settings_stop_the_demo_too(tmp_path: Path) -> None:
    """A value that cannot be used is a sentence, and no traceback."""
    environment = {**os.environ, "OSR_HUB_HTTP__PORT": "many"}
    said = await _refusal("--data-dir", str(tmp_path), environment=environment, command=("demo",))
    assert "OSR_HUB_HTTP__PORT" in said


async def test_named_servers_that_are_away_are_named(tmp_path: Path) -> None:
    """A database of the caller's that does not answer is a sentence, and no traceback."""
    environment = {**os.environ, "OSR_HUB_DATABASE__DSN": f"postgresql://u:hush@127.0.0.1:{free_port()}/x"}
    said = await _refusal("--data-dir", str(tmp_path), environment=environment)
    assert "the database of OSR_HUB_DATABASE__DSN cannot be used" in said
    assert "hush" not in said


async def test_make_is_not_led_astray_by_the_callers_python() -> None:
    """`PIP_USER` and `PYTHONPATH`, which many set for themselves, do not reach what `make` runs."""
    make = await asyncio.create_subprocess_exec(
        *("make", "--no-print-directory", "--eval", "probe:; @env", "probe"),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "PIP_USER": "1",
            "PIP_TARGET": "/nowhere",
            "PYTHONPATH": "/nowhere",
            "PYTHONHOME": "/nowhere",
        },
    )
    said, _ = await make.communicate()
    names = dict(line.split("=", 1) for line in said.decode().splitlines() if "=" in line)
    assert make.returncode == 0
    assert names["PIP_USER"] == "0"
    assert not {"PIP_TARGET", "PYTHONPATH", "PYTHONHOME"} & names.keys()
