"""What sends to receivers does not start with a certificate that it could never use: one sentence, exit code 2."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from hub.access.development import ensure_keyfile
from tests.support.receivers.authority import Authority
from tests.support.register.subscriptions import KEYS

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_SECONDS = 60
FORWARD = ("consumers.cli", "forward")
SERVE = ("hub.cli", "serve")


async def start(*command: str, **named: str) -> tuple[int, str]:
    """Run a process to its end; give its exit code and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *command,
        env={"PATH": "/usr/bin:/bin", **named},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode()


@pytest.fixture
def settings(database: str, tmp_path: Path) -> dict[str, str]:
    """Give the settings of a hub, and files for a certificate and a key."""
    ensure_keyfile(tmp_path / "key.json")
    certificate, _ = Authority().issue_apart("hub.test")
    _, key = Authority().issue_apart("hub.test")
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)
    return {
        "OSR_HUB_DATABASE__DSN": database,
        "OSR_HUB_AUTH__DEVELOPMENT_KEYFILE": str(tmp_path / "key.json"),
        "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "OSR_HUB_HTTP__PORT": "0",
        "OSR_HUB_OIN": "00000099000000009000",
        "OSR_HUB_SECRETS__KEYS": KEYS[0].get_secret_value(),
    }


@pytest.mark.parametrize("command", [FORWARD, SERVE], ids=["forward", "serve"])
async def test_a_key_that_does_not_fit_stops_the_start(
    settings: dict[str, str], tmp_path: Path, command: tuple[str, str]
) -> None:
    """The sentence names the setting, and no attempt of a receiver is needed to find out."""
    settings["OSR_HUB_WEBHOOK__CLIENT_CERTFILE"] = str(tmp_path / "cert.pem")
    settings["OSR_HUB_WEBHOOK__CLIENT_KEYFILE"] = str(tmp_path / "key.pem")
    code, said = await start(*command, **settings)
    assert code == 2, said
    assert "the certificate and the key do not belong together" in said
    assert "OSR_HUB_WEBHOOK__CLIENT_CERTFILE" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [FORWARD, SERVE], ids=["forward", "serve"])
async def test_no_authorities_stop_the_start_where_only_https_is_called(
    settings: dict[str, str], tmp_path: Path, command: tuple[str, str]
) -> None:
    """The sentence says what to install."""
    (tmp_path / "empty").mkdir()
    nothing = {"SSL_CERT_FILE": str(tmp_path / "none.pem"), "SSL_CERT_DIR": str(tmp_path / "empty")}
    code, said = await start(*command, **settings, **nothing)
    assert code == 2, said
    assert "this machine trusts no certificate authority" in said
    assert "ca-certificates" in said
    assert "Traceback" not in said
