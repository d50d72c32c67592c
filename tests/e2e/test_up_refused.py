"""`osr-hub up` where it cannot run: one sentence and exit code 2, within seconds."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any, Final

from tests.support.servers.ports import free_port
from tests.support.servers.stacks import UNAVAILABLE
from tests.support.servers.up_process import osr_hub_up

WITHIN: Final = 60.0


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


async def test_a_host_that_the_stack_cannot_reach_is_named(tmp_path: Path) -> None:
    """An address on which 127.0.0.1 does not answer stops the start in a sentence, instead of waiting for readiness."""
    for host in ("::1", "192.0.2.7", "nowhere.invalid"):
        said = await _refusal("--data-dir", str(tmp_path), environment={**os.environ, "OSR_HUB_HTTP__HOST": host})
        assert said.startswith(f"osr-hub: OSR_HUB_HTTP__HOST is {host}, where 127.0.0.1 does not answer")


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
