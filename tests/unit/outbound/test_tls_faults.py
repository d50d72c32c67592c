"""What is wrong with certificates and TLS, in a sentence: the receiver's to the supplier, the hub's to its operator."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from hub.commands.doctor import certificates
from hub.errors import ConfigurationError
from hub.outbound import Answer, Answered, Outbound, OwnFault, Unreachable
from hub.outbound.certificates import read_certificates
from hub.settings import Kafka, Settings, Webhook
from tests.support.receivers.authority import START, Authority, self_signed
from tests.support.receivers.names import Names
from tests.support.receivers.served import read_request, served
from tests.support.receivers.tls_receiver import tls_receiver

if TYPE_CHECKING:
    from pathlib import Path

each_client = pytest.mark.usefixtures("each_client")
NAME = "las.test"
OLD = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Make an authority."""
    return Authority()


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept one message."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
    await writer.drain()


def server(identity: bytes, folder: Path, wants: Authority | None = None) -> ssl.SSLContext:
    """Make the context of a receiver; with `wants` callers must show a certificate of that authority."""
    (folder / "server.pem").write_bytes(identity)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    if wants is not None:
        context.load_verify_locations(cadata=wants.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def call(
    port: int, folder: Path, trusted: Authority, own: bytes | None = None, given: bytes | None = None
) -> Answer:
    """Call a receiver of that name on this machine, by a certificate of the hub's own or one that it gave."""
    (folder / "ca.pem").write_bytes(trusted.pem)
    named: dict[str, object] = {
        "client_cafile": folder / "ca.pem",
        "timeout_seconds": 3,
        "allowed_networks": "127.0.0.0/8",
    }
    if own is not None:
        (folder / "own.pem").write_bytes(own)
        named |= {"client_certfile": folder / "own.pem", "client_keyfile": folder / "own.pem"}
    async with Outbound(Webhook.model_validate(named), Names("127.0.0.1")) as out:
        return await out.post(f"https://{NAME}:{port}/", {}, b"x", identity=given)


def faulty(kind: str, authority: Authority) -> bytes:
    """Make a certificate of a receiver that is wrong in one way."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    match kind:
        case "expired":
            return authority.issue(NAME, OLD, START)
        case "future":
            return authority.issue(NAME, tomorrow, tomorrow + timedelta(days=9))
        case "other name":
            return authority.issue("other.test")
        case "self-signed":
            return self_signed(NAME)
        case "incomplete":
            return Authority(above=authority).issue(NAME)
        case _:
            return Authority().issue(NAME)


@each_client
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired", "its certificate has expired"),
        ("future", "its certificate is not valid yet"),
        ("other name", "its certificate is for another name than that of the URL"),
        ("self-signed", "its certificate is self-signed"),
        ("incomplete", "leads to no authority that the hub trusts: send the whole chain"),
        ("unknown", "leads to no authority that the hub trusts"),
    ],
)
async def test_a_wrong_certificate_of_a_receiver_is_told_in_a_sentence(
    authority: Authority, tmp_path: Path, kind: str, words: str
) -> None:
    """It is the receiver's to mend, and nothing was sent."""
    with tls_receiver(server(faulty(kind, authority), tmp_path)) as port:
        answer = await call(port, tmp_path, authority)
    assert isinstance(answer, Unreachable)
    assert answer.error.startswith("no connection: ")
    assert words in answer.error


@each_client
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_tls_is_told(authority: Authority, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """1.2 or 1.3 is needed."""
    context = server(authority.issue(NAME), tmp_path)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    with tls_receiver(context) as port:
        answer = await call(port, tmp_path, authority)
    assert isinstance(answer, Unreachable)
    assert answer.error == "no connection: it speaks an old TLS only; 1.2 or 1.3 is needed"


@each_client
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_two_newer_ones_are_spoken(authority: Authority, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Each alone is enough."""
    context = server(authority.issue(NAME), tmp_path)
    context.minimum_version = context.maximum_version = version
    with tls_receiver(context) as port:
        assert isinstance(await call(port, tmp_path, authority), Answered)


@each_client
async def test_no_tls_at_all_is_told(authority: Authority, tmp_path: Path) -> None:
    """A port for http is a common mistake."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        await writer.drain()

    async with served(refuse) as port:
        answer = await call(port, tmp_path, authority)
    assert isinstance(answer, Unreachable)
    assert answer.error == "no connection: it does not speak TLS"


@each_client
async def test_a_deaf_handshake_of_the_first_address_is_passed_over(authority: Authority, tmp_path: Path) -> None:
    """The first takes the connection and never speaks TLS; the second one is tried meanwhile."""

    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.Event().wait()

    (tmp_path / "ca.pem").write_bytes(authority.pem)
    settings = Webhook.model_validate(
        {"client_cafile": tmp_path / "ca.pem", "timeout_seconds": 4, "allowed_networks": "127.0.0.0/8"}
    )
    async with (
        served(take, tls=server(authority.issue(NAME), tmp_path)) as port,
        served(say_nothing, host="127.0.0.2", port=port),
        Outbound(settings, Names("127.0.0.2", "127.0.0.1")) as out,
    ):
        answer = await out.post(f"https://{NAME}:{port}/", {}, b"x")
    assert isinstance(answer, Answered), answer


@each_client
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("none", "demands a client certificate"),
        ("unknown", "does not accept the client certificate that it was shown"),
    ],
)
async def test_a_receiver_that_wants_a_certificate_says_so(
    authority: Authority, tmp_path: Path, version: ssl.TLSVersion, shown: str, words: str
) -> None:
    """Whether the handshake tells it, or the first word after it."""
    context = server(authority.issue(NAME), tmp_path, wants=authority)
    context.minimum_version = context.maximum_version = version
    with tls_receiver(context) as port:
        answer = await call(
            port, tmp_path, authority, given=Authority().issue("hub.test") if shown == "unknown" else None
        )
    assert isinstance(answer, Unreachable)
    assert words in answer.error


@each_client
async def test_an_expired_certificate_of_the_hub_is_its_own_fault(authority: Authority, tmp_path: Path) -> None:
    """The operator renews it; where the receiver itself gave it, it is the receiver's."""
    expired = authority.issue("hub.test", OLD, START)
    with tls_receiver(server(authority.issue(NAME), tmp_path, wants=authority)) as port:
        ours = await call(port, tmp_path, authority, own=expired)
        theirs = await call(port, tmp_path, authority, given=expired)
    assert isinstance(ours, OwnFault)
    assert (ours.error, ours.is_general) == ("the client certificate of the hub has expired", False)
    assert isinstance(theirs, Unreachable)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("password", "its key has a password"),
        ("mismatch", "the certificate and the key do not belong together"),
        ("no key", "it holds no private key in PEM that can be read"),
        ("no certificate", "it holds no certificate in PEM"),
        ("DER", "it holds no certificate in PEM"),
        ("empty", "it holds no certificate in PEM"),
    ],
)
def test_a_certificate_of_the_hub_that_cannot_be_used_stops_the_start(
    authority: Authority, tmp_path: Path, fault: str, words: str
) -> None:
    """In one sentence with what to do, before anything is sent."""
    certificate, key = authority.issue_apart("hub.test")
    _, other = authority.issue_apart("hub.test")
    _, locked = authority.issue_apart("hub.test", encryption=BestAvailableEncryption(b"secret"))
    pair = {
        "password": (certificate, locked),
        "mismatch": (certificate, other),
        "no key": (certificate, b"nothing"),
        "no certificate": (key, key),
        "DER": (b"\x30\x82\x01\x00", key),
        "empty": (b"", b""),
    }[fault]
    for name, content in zip(("cert.pem", "key.pem"), pair, strict=True):
        (tmp_path / name).write_bytes(content)
    settings = Webhook.model_validate(
        {
            "client_certfile": tmp_path / "cert.pem",
            "client_keyfile": tmp_path / "key.pem",
            "allowed_networks": "127.0.0.0/8",
        }
    )
    with pytest.raises(ConfigurationError) as refused:
        read_certificates(settings)
    assert words in str(refused.value)
    assert "OSR_HUB_WEBHOOK__CLIENT_CERTFILE" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_authorities_that_are_none_stop_the_start(tmp_path: Path) -> None:
    """Named by its setting."""
    (tmp_path / "ca.pem").write_bytes(b"nonsense")
    with pytest.raises(ConfigurationError, match="OSR_HUB_WEBHOOK__CLIENT_CAFILE holds no certificates in PEM"):
        read_certificates(Webhook.model_validate({"client_cafile": tmp_path / "ca.pem"}))


@pytest.mark.parametrize(
    ("left", "is_well", "words"),
    [(400, True, "valid for"), (10, False, "it expires in"), (-1, False, "it has expired")],
)
async def test_the_doctor_names_a_certificate_before_it_expires(
    authority: Authority, tmp_path: Path, left: int, words: str, *, is_well: bool
) -> None:
    """A month ahead, with the setting to renew."""
    own = tmp_path / "own.pem"
    own.write_bytes(authority.issue("hub.test", OLD, datetime.now(UTC) + timedelta(days=left, minutes=5)))
    settings = Settings(webhook=Webhook.model_validate({"client_certfile": own, "client_keyfile": own}))
    finding = next(each for each in await certificates.check(settings) if each.what == "client certificate")
    assert finding.is_well is is_well
    assert words in finding.words
    assert is_well or "CLIENT_CERTFILE" in str(finding)


@pytest.mark.parametrize(("left", "is_well"), [(90, True), (20, False), (-1, False)])
async def test_the_doctor_names_a_certificate_for_kafka_before_it_expires(
    authority: Authority, tmp_path: Path, left: int, *, is_well: bool
) -> None:
    """One by which the hub is known at its own broker, or at DUO's."""
    own = tmp_path / "own.pem"
    own.write_bytes(authority.issue("hub.test", OLD, datetime.now(UTC) + timedelta(days=left, minutes=5)))
    kafka = Kafka.model_validate({"bootstrap_servers": "duo.example:9093", "ssl_certfile": own, "ssl_keyfile": own})
    found = await certificates.check(Settings(duo_kafka=kafka))
    finding = next(each for each in found if each.what == "client certificate of OSR_HUB_DUO_KAFKA__SSL_CERTFILE")
    assert finding.is_well is is_well
