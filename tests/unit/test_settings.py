"""Settings: read by their names, and everything that is wrong with them said at once."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from hub import settings
from hub.errors import ConfigurationError
from hub.settings import LogLevel, Settings
from hub.settings.read import known_names

NOWHERE = Path("/nonexistent/.env")
CONTRACT = """
DATABASE__DSN DATABASE__DIRECT_DSN
KAFKA__BOOTSTRAP_SERVERS KAFKA__SECURITY_PROTOCOL KAFKA__SASL_MECHANISM KAFKA__SASL_USERNAME KAFKA__SASL_PASSWORD
KAFKA__SSL_CAFILE KAFKA__SSL_CERTFILE KAFKA__SSL_KEYFILE
DUO_KAFKA__BOOTSTRAP_SERVERS DUO_KAFKA__SECURITY_PROTOCOL DUO_KAFKA__SASL_MECHANISM DUO_KAFKA__SASL_USERNAME
DUO_KAFKA__SASL_PASSWORD DUO_KAFKA__SSL_CAFILE DUO_KAFKA__SSL_CERTFILE DUO_KAFKA__SSL_KEYFILE
HTTP__HOST HTTP__PORT HTTP__PUBLIC_URL OIN
AUTH__ISSUER AUTH__AUDIENCE AUTH__JWKS_URL AUTH__DEVELOPMENT_KEYFILE SECRETS__KEYS
WEBHOOK__TIMEOUT_SECONDS WEBHOOK__RETRY_SCHEDULE WEBHOOK__ALLOWED_NETWORKS
WEBHOOK__CLIENT_CERTFILE WEBHOOK__CLIENT_KEYFILE WEBHOOK__CLIENT_CAFILE LOG__LEVEL LOG__FORMAT
"""


def load(**named: str) -> Settings:
    """Load settings from these names alone."""
    return settings.load({f"OSR_HUB_{name}": value for name, value in named.items()}, NOWHERE)


def complaint(**named: str) -> str:
    """Return what is said about settings that cannot be used."""
    with pytest.raises(ConfigurationError) as caught:
        load(**named)
    return str(caught.value)


def test_the_names_of_the_contract_are_all_known() -> None:
    """Each name that the outside may set is one."""
    assert {f"OSR_HUB_{name}" for name in CONTRACT.split()} <= set(known_names())


def test_without_anything_the_defaults_of_the_contract_hold() -> None:
    """Loopback, port 8080, fifteen seconds, nine retries, no network open."""
    given = load()

    assert (given.http.host, given.http.port, given.http.address) == ("127.0.0.1", 8080, "http://127.0.0.1:8080")
    assert given.webhook.timeout_seconds == 15
    assert given.webhook.retry_schedule == (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    assert given.webhook.allowed_networks == ()


def test_lists_are_separated_by_commas() -> None:
    """Not JSON: what a person writes in a deployment file."""
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    given = load(
        KAFKA__BOOTSTRAP_SERVERS="kafka-1:9092, kafka-2:9092",
        WEBHOOK__ALLOWED_NETWORKS="127.0.0.0/8,::1/128",
        WEBHOOK__RETRY_SCHEDULE="1,2",
        SECRETS__KEYS=",".join(keys),
    )

    assert given.kafka.bootstrap_servers == ("kafka-1:9092", "kafka-2:9092")
    assert given.webhook.allowed_networks == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert given.webhook.retry_schedule == (1, 2)
    assert [key.get_secret_value() for key in given.sealing_keys] == keys


def test_an_unknown_name_is_told_with_the_nearest_one() -> None:
    """A misspelt setting must not be passed over in silence."""
    assert "OSR_HUB_DATABASE__DNS is not a setting; did you mean OSR_HUB_DATABASE__DSN?" in complaint(DATABASE__DNS="x")
    assert "did you mean OSR_HUB_LOG__LEVEL?" in complaint(LOGLEVEL="info")


@pytest.mark.parametrize("name", ["TEST_POSTGRES", "PORT", "PORT_8080_TCP_ADDR", "SERVICE_HOST", "SIMULATE__PORT"])
def test_names_for_others_are_passed_over(name: str) -> None:
    """The suite's names, Kubernetes' names and the simulators' names are not ours to judge."""
    assert load(**{name: "anything"}) == load()


def test_all_faults_are_told_at_once() -> None:
    """One start, one list of everything to repair."""
    said = complaint(
        OIN="12",
        HTTP__PORT="many",
        WEBHOOK__ALLOWED_NETWORKS="10.0.0.1/8",
        KAFKA__SECURITY_PROTOCOL="SASL_SSL",
        SECRETS__KEYS="hush-hush",
        DATABASE__DSN="mysql://root:hush@db/osr",
        NONSENSE="1",
    )

    names = ("OIN", "HTTP__PORT", "WEBHOOK__ALLOWED_NETWORKS", "KAFKA", "SECRETS__KEYS", "DATABASE__DSN", "NONSENSE")
    for name in names:
        assert f"OSR_HUB_{name}" in said
    assert "hush" not in said


def test_secrets_do_not_show() -> None:
    """A printed settings object holds no password."""
    shown = repr(load(DATABASE__DSN="postgresql://u:hush@db/osr", KAFKA__SASL_PASSWORD="hush"))

    assert "hush" not in shown


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """`.env` is read, and what the environment says wins."""
    (tmp_path / ".env").write_text("OSR_HUB_HTTP__PORT=1\nOSR_HUB_LOG__LEVEL=DEBUG\nOTHER=1\n")
    given = settings.load({"OSR_HUB_HTTP__PORT": "2"}, tmp_path / ".env")

    assert (given.http.port, given.log.level) == (2, LogLevel.DEBUG)


def test_an_empty_value_is_no_value() -> None:
    """A deployment file that passes a name on without a value sets nothing."""
    assert load(HTTP__PORT="", OIN="") == load()


def test_what_is_needed_and_missing_is_named_when_it_is_needed() -> None:
    """Settings load without a database; whoever needs one is told which name to set."""
    given = load()

    with pytest.raises(ConfigurationError, match="OSR_HUB_DATABASE__DSN"):
        _ = given.direct_dsn
    with pytest.raises(ConfigurationError, match="OSR_HUB_KAFKA__BOOTSTRAP_SERVERS"):
        given.kafka.client_options()
    with pytest.raises(ConfigurationError, match="OSR_HUB_OIN"):
        _ = given.oin
    with pytest.raises(ConfigurationError, match="OSR_HUB_SECRETS__KEYS"):
        _ = given.sealing_keys


def test_the_direct_address_is_the_address_unless_it_is_named() -> None:
    """Without a pooler there is one address."""
    pooled, direct = "postgresql://u@pooler/osr", "postgresql://u@db/osr"

    assert load(DATABASE__DSN=pooled).direct_dsn == pooled
    assert load(DATABASE__DSN=pooled, DATABASE__DIRECT_DSN=direct).direct_dsn == direct


def test_kafka_is_asked_for_news_often_and_by_its_security() -> None:
    """The client library gets its own names for what the settings say."""
    options = load(
        KAFKA__BOOTSTRAP_SERVERS="k:9092",
        KAFKA__SECURITY_PROTOCOL="SASL_PLAINTEXT",
        KAFKA__SASL_MECHANISM="SCRAM-SHA-256",
        KAFKA__SASL_USERNAME="hub",
        KAFKA__SASL_PASSWORD="hush",
    ).kafka.client_options()

    assert options == {
        "bootstrap_servers": ["k:9092"],
        "security_protocol": "SASL_PLAINTEXT",
        "metadata_max_age_ms": 3000,
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "hub",
        "sasl_plain_password": "hush",
    }


def test_duos_broker_is_ours_until_another_is_named() -> None:
    """One broker serves both; another one gets none of our credentials."""
    ours = {"KAFKA__BOOTSTRAP_SERVERS": "ours:9092", "KAFKA__SASL_USERNAME": "hub"}
    shared = load(**ours).duo_kafka
    other = load(**ours, DUO_KAFKA__BOOTSTRAP_SERVERS="duo:9092").duo_kafka

    assert (shared.bootstrap_servers, shared.sasl_username) == (("ours:9092",), "hub")
    assert (other.bootstrap_servers, other.sasl_username) == (("duo:9092",), None)


@pytest.mark.parametrize("name", ["AUTH__ISSUER", "AUTH__JWKS_URL"])
def test_trusted_keys_come_over_https(name: str) -> None:
    """Keys that decide who is believed are not fetched in the clear, except on this machine."""
    assert "https" in complaint(**{name: "http://issuer.example/keys"})
    assert load(**{name: "http://127.0.0.1:9/keys"})


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\t\n"])
def test_values_are_taken_without_the_blanks_around_them(end: str) -> None:
    """A secret that was written with a line end, as files and Kubernetes' secrets have it, is the secret."""
    given = load(KAFKA__SASL_PASSWORD=f" hush{end}", HTTP__PORT=f"81{end}", LOG__LEVEL=f"debug{end}", OIN=end)

    assert given.kafka.sasl_password is not None
    assert given.kafka.sasl_password.get_secret_value() == "hush"
    assert (given.http.port, given.log.level, given.hub_oin) == (81, LogLevel.DEBUG, None)


def test_what_is_not_utf_8_is_named(tmp_path: Path) -> None:
    """Bytes of another encoding, in the environment or in `.env`, are a fault and no traceback."""
    assert "OSR_HUB_KAFKA__SASL_PASSWORD: not UTF-8" in complaint(KAFKA__SASL_PASSWORD="gehe\udce9m")
    (tmp_path / ".env").write_bytes(b"OSR_HUB_OIN=\xe9\n")
    with pytest.raises(ConfigurationError, match="it is not UTF-8"):
        settings.load({}, tmp_path / ".env")


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("https://hub.example.nl", True),
        ("https://hub.example.nl.", True),
        ("http://8.8.8.8:8080", True),
        ("https://[2a00:1450::1]", True),
        ("http://127.0.0.1:8080", False),
        ("http://[::1]:8080", False),
        ("http://10.0.0.5", False),
        ("http://192.168.1.1", False),
        ("http://localhost:8080", False),
        ("http://serve:8080", False),
        ("http://osr-hub.osr.svc.cluster.local", False),
        ("http://hub.test", False),
    ],
)
def test_a_development_key_stays_in_private(address: str, is_public: bool) -> None:  # noqa: FBT001 - a table of cases
    """Whoever reads its file is an operator, so it does not go with an address that the internet may reach."""
    given = load(AUTH__DEVELOPMENT_KEYFILE="/nowhere", HTTP__PUBLIC_URL=address)

    if not is_public:
        given.check_tokens()
        return
    with pytest.raises(
        ConfigurationError, match="OSR_HUB_AUTH__DEVELOPMENT_KEYFILE does not go with the public"
    ) as told:
        given.check_tokens()
    assert "OSR_HUB_AUTH__ISSUER" in str(told.value)


def test_an_issuer_goes_with_a_public_address() -> None:
    """That is how production runs."""
    load(AUTH__ISSUER="https://login.example.nl", HTTP__PUBLIC_URL="https://hub.example.nl").check_tokens()
