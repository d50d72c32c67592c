"""Say in words why a Kafka cannot be used. In: connection options, an error of aiokafka. Out: a sentence for a person.

aiokafka tells a log why it could not connect, and its caller only that it could not: each address is tried here once.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ssl import SSLCertVerificationError, SSLError
from typing import TYPE_CHECKING, Any, Final

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.protocol.metadata import MetadataRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONNECT_MS: Final = 5000
RIGHTS: Final = {
    errors.TopicAuthorizationFailedError: "the broker refuses topic {}: its user lacks a right on it; readers need "
    "Read and Describe, writers Write and Describe, `osr-hub topics` Create, DescribeConfigs",
    errors.GroupAuthorizationFailedError: "the broker refuses group {}: its user lacks the right Read on it",
    errors.ClusterAuthorizationFailedError: "the broker refuses a right on the cluster {}: writers need "
    "IdempotentWrite, `osr-hub topics` Create, Describe",
}
CONNECTING: Final[dict[Any, str]] = {
    socket.gaierror: "is not known by that name",
    SSLCertVerificationError: "has a certificate that is not trusted: {error}",
    SSLError: "does not speak TLS as {protocol} wants it: {error}",
    (TimeoutError, errors.RequestTimedOutError): "has not answered for {seconds} s",
    (errors.SaslAuthenticationFailed, errors.AuthenticationFailedError): "refuses the name and password: {error}",
    errors.UnsupportedSaslMechanismError: "wants another SASL mechanism: {error}",
    ConnectionRefusedError: "refuses connections: no broker listens there",
    (errors.KafkaConnectionError, ConnectionError, EOFError): "closes the connection: it may want another "
    "SECURITY_PROTOCOL than {protocol}",
}
"""What the error of a connection means; the first kind that fits counts."""
_NETWORK: Final = (
    errors.KafkaConnectionError,
    errors.NodeNotReadyError,
    errors.RequestTimedOutError,
    errors.KafkaTimeoutError,
    OSError,
    TimeoutError,
)


async def find_fault(options: Mapping[str, Any], error: BaseException, topics: Sequence[str] = ()) -> str:
    """Return why work with this Kafka, on these topics, failed; asks it again when nobody answered."""
    if not is_unreachable(error):
        return explain(error)
    if faults := await _try_addresses(options):
        return "; ".join(dict.fromkeys(faults))
    if missing := await _missing(options, topics):
        return f"{', '.join(missing)} does not exist, or its user may not see it: run `osr-hub topics`"
    return "the broker answers now, and did not in time: it is slow or overloaded"


def is_unreachable(error: BaseException) -> bool:
    """Return whether an error says that nobody answered, rather than what was answered."""
    return isinstance(error, _NETWORK)


def explain(error: BaseException) -> str:
    """Return in words what an error of a broker says."""
    for kind, words in RIGHTS.items():
        if isinstance(error, kind):
            return words.format(_names(error)).replace("  ", " ")
    if isinstance(error, errors.UnknownTopicOrPartitionError):
        return f"a topic does not exist: {_names(error) or 'run `osr-hub topics`'}"
    return f"{type(error).__name__} {error}".strip()


async def _try_addresses(options: Mapping[str, Any]) -> list[str]:
    names = ("ssl_context", "security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
    given = {name: options[name] for name in names if name in options}
    found = []
    for host, port, _ in collect_hosts(options["bootstrap_servers"], randomize=False):
        try:
            await _ask(host, port, given)
        except Exception as error:  # noqa: BLE001 - each is told
            protocol = str(options.get("security_protocol", "PLAINTEXT"))
            found.append(f"{host}:{port} {_explain_connecting(error, protocol)}")
    return found


async def _ask(host: str, port: int, options: Mapping[str, Any]) -> None:
    connection = await create_conn(host, port, request_timeout_ms=CONNECT_MS, **options)
    try:
        await connection.send(MetadataRequest([], allow_auto_topic_creation=False))  # not answered without a login
    finally:
        connection.close()


def _explain_connecting(error: Exception, protocol: str) -> str:
    for kinds, words in CONNECTING.items():
        if isinstance(error, kinds):
            return words.format(protocol=protocol, error=error, seconds=f"{CONNECT_MS / 1000:g}")
    return f"cannot be reached: {type(error).__name__} {error}".strip()


async def _missing(options: Mapping[str, Any], topics: Sequence[str]) -> list[str]:
    if not topics:
        return []
    admin = AIOKafkaAdminClient(**{**options, "request_timeout_ms": CONNECT_MS})
    try:
        await admin.start()
        there = set(await admin.list_topics())
    except (errors.KafkaError, OSError, TimeoutError):
        return []
    finally:
        await admin.close()
    return [topic for topic in topics if topic not in there]


def _names(error: BaseException) -> str:
    given = error.args[0] if error.args else ""
    return (
        ", ".join(sorted(map(str, given))) if isinstance(given, Iterable) and not isinstance(given, str) else str(given)
    )
