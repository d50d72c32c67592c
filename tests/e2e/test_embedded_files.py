"""What the stack keeps in files: the pinned jars, its lock, its secrets, and what it tells about itself."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import json
import os
import pwd
import stat
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.embedded.connection import StackConnection
from hub.embedded.errors import AlreadyRunning, JarsDiffer, JarsUnreachable
from hub.embedded.jars import kafka_jars, read_pins
from hub.embedded.keys import StackSecrets, development_keyfile
from hub.embedded.options import StackOptions, choose_http_port, process_settings, read_caller_settings
from hub.embedded.paths import DataDir, cache_dir, default_data_dir, hold_lock, user_area
from hub.embedded.ports import choose, claim
from hub.embedded.services import las_token_file
from hub.embedded.tokens import DevelopmentTokens, keep_fresh
from hub.settings import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
PINNED = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("broker.jar", "clients.jar")}


async def bring(folder: Path) -> None:
    """Lay down the jars that are pinned."""
    for name in PINNED:
        (folder / name).write_bytes(name.encode())


async def test_jars_are_fetched_once(tmp_path: Path) -> None:
    """The first start fetches; later ones only check what is in the cache."""
    fetched: list[Path] = []

    async def fetch(folder: Path) -> None:
        fetched.append(folder)
        await bring(folder)

    for _ in range(2):
        jars = await kafka_jars(tmp_path, fetch=fetch, pinned=PINNED)
        assert [jar.name for jar in jars] == ["broker.jar", "clients.jar"]
    assert len(fetched) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("clients.jar", b"tampered", "clients.jar has another SHA-256 than the pinned one"),
        ("other.jar", b"other", "other.jar does not belong there"),
        ("broker.jar", None, "broker.jar is missing"),
    ],
)
async def test_other_jars_than_the_pinned_ones_are_named(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    """A changed, an extra or a missing jar stops the start, by name, fetched just now or found in the cache."""

    async def bring_others(folder: Path) -> None:
        await bring(folder)
        _spoil(folder, name, content)

    with pytest.raises(JarsDiffer) as fresh:
        await kafka_jars(tmp_path, fetch=bring_others, pinned=PINNED)
    [cached] = {jar.parent for jar in await kafka_jars(tmp_path, fetch=bring, pinned=PINNED)}
    _spoil(cached, name, content)
    with pytest.raises(JarsDiffer) as found:
        await kafka_jars(tmp_path, fetch=bring, pinned=PINNED)
    assert (fresh.value.differences, found.value.differences) == ((said,), (said,))


def _spoil(folder: Path, name: str, content: bytes | None) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)


async def test_without_maven_central_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be fetched and nothing is cached, one sentence names the setting that helps."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(JarsUnreachable) as error:
        await kafka_jars(tmp_path)
    assert "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS" in str(error.value)
    assert "\n" not in str(error.value)
    assert os.listdir(tmp_path) == ["kafka-4.4.0.lock"]  # noqa: PTH208 - nothing half-fetched stays


def test_every_jar_is_pinned() -> None:
    """The committed list holds Kafka itself, and a whole hash for each jar."""
    pins = read_pins()
    assert "kafka_2.13-4.4.0.jar" in pins
    assert {len(bytes.fromhex(digest)) for digest in pins.values()} == {32}


def test_a_data_folder_has_one_stack(tmp_path: Path) -> None:
    """A second stack on the same folder refuses, and says who holds it."""
    data = DataDir(tmp_path)
    with (
        hold_lock(data),
        pytest.raises(AlreadyRunning, match=r"a stack already runs in .* \(process \d+\)"),
        hold_lock(data),
    ):
        pass
    with hold_lock(data):
        pass


def test_secrets_and_ports_are_kept(tmp_path: Path) -> None:
    """A later start finds the passwords, the key and the ports of the first, readable by nobody else."""
    data = DataDir(tmp_path)
    data.create()
    assert StackSecrets.load_or_create(data) == StackSecrets.load_or_create(data)
    assert stat.S_IMODE((data.keys / "stack.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(data.keys.stat().st_mode) == 0o700


def test_what_the_stack_starts_itself_goes_before_the_callers_settings(tmp_path: Path) -> None:
    """The caller's settings are passed on, except those about servers that the stack runs, and who signs tokens."""
    caller = {
        "OSR_HUB_DATABASE__DIRECT_DSN": "postgresql://elsewhere/x",
        "OSR_HUB_KAFKA__SECURITY_PROTOCOL": "SSL",
        "OSR_HUB_AUTH__ISSUER": "https://login.example",
        "OSR_HUB_WEBHOOK__TIMEOUT_SECONDS": "3",
        "OSR_HUB_WEBHOOK__ALLOWED_NETWORKS": "10.0.0.0/8",
        "OSR_HUB_TEST_KAFKA": "elsewhere:9092",
        "HOME": "/home/somebody",
    }
    options = StackOptions(data_dir=tmp_path, caller=read_caller_settings(caller, tmp_path / "absent"))
    servers = {
        "OSR_HUB_DATABASE__DSN": "postgresql://osr_hub:x@127.0.0.1:1/osr_hub",
        "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:2",
        "OSR_HUB_DUO_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:2",
    }
    names = _decide(options, tmp_path, servers)
    assert names["OSR_HUB_WEBHOOK__ALLOWED_NETWORKS"] == "127.0.0.0/8,::1/128,10.0.0.0/8"
    assert names["OSR_HUB_WEBHOOK__TIMEOUT_SECONDS"] == "3"
    assert set(names) == set(servers) | {
        "OSR_HUB_AUTH__DEVELOPMENT_KEYFILE",
        "OSR_HUB_HTTP__PORT",
        "OSR_HUB_HTTP__PUBLIC_URL",
        "OSR_HUB_LOGIN__CLIENT_ID",
        "OSR_HUB_LOGIN__ISSUER",
        "OSR_HUB_OIN",
        "OSR_HUB_SECRETS__KEYS",
        "OSR_HUB_WEBHOOK__ALLOWED_NETWORKS",
        "OSR_HUB_WEBHOOK__TIMEOUT_SECONDS",
    }
    load(names, dotenv=tmp_path / "absent").check_tokens()


def test_a_kafka_that_the_caller_names_is_duos_too(tmp_path: Path) -> None:
    """Where DUO's Kafka is not named apart, it is reached just as ours, with the same security."""
    caller = {
        "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": "kafka.example:9093",
        "OSR_HUB_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "OSR_HUB_KAFKA__SASL_USERNAME": "hub",
        "OSR_HUB_KAFKA__SASL_PASSWORD": "secret",
    }
    names = _decide(StackOptions(data_dir=tmp_path, caller=caller), tmp_path, {})
    ours = {name.partition("KAFKA__")[2]: value for name, value in names.items() if "_DUO_KAFKA__" in name}
    assert ours == {name.partition("KAFKA__")[2]: value for name, value in caller.items()}


def _decide(options: StackOptions, folder: Path, servers: dict[str, str]) -> dict[str, str]:
    data = DataDir(folder)
    data.create()
    with ExitStack() as claims:
        port = choose_http_port(options, claims)
    return process_settings(options, data, StackSecrets.load_or_create(data), servers, port)


def test_a_reader_never_sees_half_a_connection_file(tmp_path: Path) -> None:
    """However often the file is replaced, it is whole, and readable by its owner only."""
    names = _decide(
        StackOptions(data_dir=tmp_path), tmp_path, {"OSR_HUB_DATABASE__DSN": "postgresql://osr_hub:x@127.0.0.1:1/x"}
    )
    settings = load(names, dotenv=tmp_path / "absent")
    connection = StackConnection(settings=settings, names=names, tokens={"operations": "t", "duo": "t"})
    path = tmp_path / "connection.json"
    connection.write(path, ())

    def replace_often() -> None:
        for pid in range(300):
            connection.write(path, (("serve", pid),) * (pid % 50))

    writer = threading.Thread(target=replace_often)
    writer.start()
    while writer.is_alive():
        assert json.loads(path.read_text())["version"] == 1
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    writer.join()
    said = json.loads(path.read_text())
    assert said["processes"][0] == {"name": "serve", "pid": 299}
    assert said["api"] == f"{said['environment']['OSR_HUB_HTTP__PUBLIC_URL']}/v1"


def _claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def test_tokens_are_valid_for_a_day_and_for_one_run(tmp_path: Path) -> None:
    """They end after 24 hours, are old after 12, and a later run signs with another key."""
    data = DataDir(tmp_path)
    data.create()
    first = DevelopmentTokens(data, "osr-hub", with_las=True)
    tokens = first.issue(AT)
    claims = [_claims(token) for token in (*tokens.values(), las_token_file(data).read_text())]
    assert {one["exp"] - one["iat"] for one in claims} == {86_400}
    assert [first.are_old(AT + timedelta(hours=hours)) for hours in (-13, -1, 0, 11, 12, 300)] == [
        True,
        False,
        False,
        False,
        True,
        True,
    ]
    before = development_keyfile(data).read_text()
    DevelopmentTokens(data, "osr-hub", with_las=True)
    assert development_keyfile(data).read_text() != before
    assert stat.S_IMODE(development_keyfile(data).stat().st_mode) == 0o600


async def test_a_stack_that_runs_for_long_renews_its_tokens(tmp_path: Path) -> None:
    """Once they are old they are replaced, also in the simulated LAS's file; a full disk only delays that."""
    data = DataDir(tmp_path)
    data.create()
    tokens = DevelopmentTokens(data, "osr-hub", with_las=True)
    first, las = tokens.issue(AT), las_token_file(data).read_text()
    moments = iter([AT + timedelta(hours=1), *[AT + timedelta(hours=13)] * 2])
    published: list[Mapping[str, str]] = []
    done = asyncio.Event()

    def publish(new: Mapping[str, str]) -> None:
        published.append(new)
        if len(published) == 1:
            tokens._issued_at = AT  # noqa: SLF001 - what could not be published is still to be done
            raise OSError(errno.ENOSPC, "No space left on device")
        done.set()

    renewing = asyncio.create_task(keep_fresh(tokens, publish, lambda: next(moments), 0.001))
    async with asyncio.timeout(10):
        await done.wait()
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)
    assert published[-1].keys() == first.keys()
    assert not set(published[-1].values()) & set(first.values())
    assert las_token_file(data).read_text() != las


@pytest.mark.parametrize("home", [None, "/proc/nowhere"])
def test_a_home_that_cannot_be_used_is_not_needed(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    """Without a HOME, or with one that cannot be written, files go to this user's folder under /var/tmp."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: (_ for _ in ()).throw(KeyError(uid)))
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
    assert default_data_dir() == user_area() / "stack"
    assert cache_dir() == user_area() / "cache"


def test_a_cache_with_a_colon_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Java would take its path apart."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a:b"))
    assert cache_dir() == user_area() / "cache"


def test_a_port_belongs_to_one_stack() -> None:
    """A stack has its port from the moment it chose it, long before something listens there; then it is free again."""
    with ExitStack() as one, ExitStack() as other:
        [port] = choose([], 1)
        assert claim(port, one)
        assert not claim(port, other)
    with ExitStack() as later:
        assert claim(port, later)
