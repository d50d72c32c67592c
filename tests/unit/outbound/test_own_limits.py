"""What this machine lacks is the hub's own fault, and no receiver is blamed for it."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from hub.commands.doctor import certificates, way_out
from hub.errors import ConfigurationError, Unavailable
from hub.outbound import Answered, Outbound, OwnFault, Unreachable, machine, tls
from hub.outbound.certificates import read_certificates
from hub.outbound.handshake import ask_consent
from hub.outbound.names import SystemNames, name_servers
from hub.outbound.reqwest import open_api_client
from hub.processes.files import files_left, raise_file_limit
from hub.settings import Settings, Webhook
from tests.support.receivers.names import Names
from tests.support.receivers.receiver import receiver, reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

each_client = pytest.mark.usefixtures("each_client")
LOCAL = Webhook.model_validate({"timeout_seconds": 2, "allowed_networks": "127.0.0.0/8"})


@contextlib.contextmanager
def without_files() -> Iterator[None]:
    """Let this process open no more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = os.dup(0)
    os.close(spare)  # the lowest number that is free
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def without_authorities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let this machine trust no certificate authority."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "empty"))
    assert not tls.has_authorities()


@each_client
async def test_no_more_files_is_a_fault_of_the_hub_and_passes() -> None:
    """It says what to do, and the next message goes out as soon as there are files again."""
    open_api_client("http://127.0.0.1", timedelta(seconds=5))  # pyreqwest makes its threads once, or never
    async with receiver() as las, Outbound(LOCAL) as out:
        with without_files():
            answer = await out.post(las.url, {}, b"x")
        again = await out.post(las.url, {}, b"x")
    assert isinstance(answer, OwnFault)
    assert (answer.error, answer.is_general) == ("this process may open no more files", True)
    assert "ulimit -n" in answer.next_step
    assert isinstance(again, Answered)


async def test_a_lookup_without_files_is_a_fault_of_the_hub() -> None:
    """However the resolver words it."""
    names = Names()
    names.is_away = True
    async with Outbound(LOCAL, names) as out:
        with without_files():
            answer = await out.post("http://las.test/", {}, b"x")
    assert isinstance(answer, OwnFault)
    assert answer.error == "this process may open no more files"


@pytest.mark.parametrize("answers", [True, False])
async def test_a_name_service_that_is_down_is_a_fault_of_the_hub_and_a_broken_name_is_not(*, answers: bool) -> None:
    """Both look alike to who only asks for the name."""
    names = Names()
    names.is_away, names.answers = True, answers
    async with Outbound(LOCAL, names) as out:
        answer = await out.post("http://las.test/", {}, b"x")
    assert isinstance(answer, Unreachable if answers else OwnFault)


@pytest.mark.parametrize(
    ("numbers", "network", "words"),
    [
        ([errno.EMFILE], True, "this process may open no more files"),
        ([errno.ENFILE], True, "this machine can open no more files"),
        ([errno.ENOBUFS], True, "this machine has no memory left for connections"),
        ([errno.ENOMEM], True, "this machine has no memory left for connections"),
        ([errno.ECONNREFUSED, errno.EMFILE], True, "this process may open no more files"),
        ([errno.ENETUNREACH], False, "this machine has no network"),
        ([errno.EHOSTUNREACH], False, "this machine has no network"),
        ([errno.ENETUNREACH], True, "this machine has no way to the addresses of the receiver"),
        ([errno.EPERM], True, "this machine forbids the connection"),
        ([errno.EADDRNOTAVAIL], True, "this machine has no free port to call from"),
        ([errno.EHOSTUNREACH], True, None),
        ([errno.ECONNREFUSED], False, None),
        ([errno.ENETUNREACH, errno.ECONNREFUSED], True, None),
        ([errno.ETIMEDOUT], True, None),
        ([], True, None),
    ],
)
def test_what_is_lacking_here_is_told_apart_from_what_is_wrong_there(
    monkeypatch: pytest.MonkeyPatch, numbers: list[int], words: str | None, *, network: bool
) -> None:
    """By the numbers of the operating system, one for each address that was tried."""
    monkeypatch.setattr(machine, "has_network", lambda: network)
    fault = machine.own_fault([OSError(number, os.strerror(number)) for number in numbers])
    assert (fault.error if fault else None) == words


async def test_a_supplier_is_not_told_of_what_the_hub_lacks() -> None:
    """It gets a 503, and the operator a line in the log."""
    async with receiver() as las, Outbound(LOCAL) as out:
        with without_files(), capture_logs() as lines, pytest.raises(Unavailable) as refused:
            await ask_consent(out, las.url, origin="hub.test", rate=None)
    assert "files" not in str(refused.value)
    assert [(line["event"], line["error"]) for line in lines] == [
        ("sending.impeded", "this process may open no more files")
    ]


@pytest.mark.usefixtures("without_authorities")
class TestWithoutAuthorities:
    """A machine that trusts no certificate authority."""

    async def test_plain_http_needs_none(self) -> None:
        """The demo and receivers in allowed networks go on."""
        async with receiver() as las, Outbound(LOCAL) as out:
            assert isinstance(await out.post(las.url, {}, b"x"), Answered)

    async def test_the_hubs_own_api_is_called_by_plain_http(self) -> None:
        """As the demo and the simulators do."""
        async with (
            receiver(lambda _: reply(200, b"{}")) as api,
            open_api_client(api.url, timedelta(seconds=5)) as client,
        ):
            assert (await client.get(api.url).build().send()).status == 200

    async def test_the_doctor_says_so(self) -> None:
        """And what to install."""
        found = await certificates.check(Settings())
        assert [(each.what, each.is_well) for each in found] == [
            ("certificate authorities", False),
            ("certificates for receivers", False),
        ]
        assert all("ca-certificates" in (each.next_step or "") for each in found)

    async def test_where_https_is_needed_the_start_is_refused_in_a_sentence(self) -> None:
        """And not the first message an hour later."""
        with pytest.raises(ConfigurationError, match="trusts no certificate authority") as refused:
            read_certificates(Webhook())
        assert "ca-certificates" in str(refused.value)


def test_the_limit_on_files_is_raised_as_far_as_it_may_and_what_is_left_is_known() -> None:
    """An open file is one less."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        left = files_left()
        with open(os.devnull):  # noqa: PTH123 - any file will do
            assert files_left() == left - 1
        assert 0 < left < 512
        assert raise_file_limit() == before[1]
        assert files_left() == left + before[1] - 512
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_name_servers_are_read_as_libc_reads_them(tmp_path: Path) -> None:
    """That of the machine itself where none is named."""
    path = tmp_path / "resolv.conf"
    path.write_text("# nameserver 9.9.9.9\nsearch example\nnameserver 192.0.2.53\n nameserver 2001:db8::53 \n")
    assert name_servers(path) == ["192.0.2.53", "2001:db8::53"]
    assert name_servers(tmp_path / "none") == ["127.0.0.1"]


async def test_the_systems_names_are_resolved() -> None:
    """By the system, off the loop."""
    assert [str(address) for address in await SystemNames().resolve("127.0.0.1", 80)] == ["127.0.0.1"]


@pytest.mark.parametrize("answers", [True, False])
async def test_the_doctor_asks_the_name_service(*, answers: bool) -> None:
    """What does not answer is named, with the file to look at."""
    names = Names()
    names.answers = answers
    found = await way_out.look_at_names(names)
    assert found.is_well is answers
    assert answers or "resolv.conf" in str(found)
