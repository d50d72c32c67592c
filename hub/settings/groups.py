"""The groups of settings, each with the checks that need no other group. Others are in `http` and `kafka`."""

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    NonNegativeInt,
    PlainValidator,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)
from pydantic import model_validator as checks_together

from hub.errors import ConfigurationError
from hub.settings.dsn import read_dsn

PREFIX: Final = "OSR_HUB_"


def split_commas(given: object) -> object:
    """Split a comma-separated text; leave anything else to the type."""
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


def _check_postgres(dsn: SecretStr) -> SecretStr:
    read_dsn(dsn.get_secret_value())
    return dsn


def _check_key(key: SecretStr) -> SecretStr:
    try:
        Fernet(key.get_secret_value())
    except ValueError:
        raise ValueError("each key is 32 random bytes in URL-safe base64") from None
    return key


def _check_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address starts with https:// (or http://) and a host")
    return url.rstrip("/")


def check_trusted(url: str) -> str:
    """Return an address that keys may come from; raise `ValueError` for one that others could answer instead."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ValueError("keys that we trust come over https only, except from this machine itself")
    return url


def _read_network(given: object) -> IPv4Network | IPv6Network:
    return ip_network(str(given))


Dsn = Annotated[SecretStr, AfterValidator(_check_postgres)]
SealingKey = Annotated[SecretStr, AfterValidator(_check_key)]
Address = Annotated[str, AfterValidator(_check_address)]
TrustedUrl = Annotated[str, AfterValidator(_check_address), AfterValidator(check_trusted)]
ClaimPath = Annotated[str, Field(min_length=1, max_length=200)]
Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_read_network)]


class SettingsGroup(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class LogLevel(StrEnum):
    """The lowest level that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How lines are written; `auto` is colours on a terminal and JSON elsewhere."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class LoggedAttempts(StrEnum):
    """Which attempts to deliver a message are a line of the log."""

    ALL = "all"
    FAILED = "failed"


def _lower(given: object) -> object:
    return given.lower() if isinstance(given, str) else given


class Log(SettingsGroup):
    """How the processes write their log."""

    level: Annotated[LogLevel, BeforeValidator(_lower)] = LogLevel.INFO
    format: Annotated[LogFormat, BeforeValidator(_lower)] = LogFormat.AUTO
    attempts: Annotated[LoggedAttempts, BeforeValidator(_lower)] = LoggedAttempts.ALL


class Database(SettingsGroup):
    """The PostgreSQL database."""

    dsn: Dsn | None = None
    direct_dsn: Dsn | None = None

    @property
    def url(self) -> str:
        """The address of the database, through a pooler where there is one."""
        if self.dsn is None:
            raise ConfigurationError(
                "no database is named",
                next_step=f"Set {PREFIX}DATABASE__DSN, like postgresql://user:password@host:5432/name.",
            )
        return self.dsn.get_secret_value()

    @property
    def direct_url(self) -> str:
        """The address of the database past any pooler, for advisory locks and LISTEN."""
        return self.url if self.direct_dsn is None else self.direct_dsn.get_secret_value()


class Auth(SettingsGroup):
    """The tokens that are accepted: a real issuer's, or those of a development key.

    A claim is found by its name, or by a dotted path as in `realm_access.roles`.
    """

    issuer: TrustedUrl | None = None
    audience: str = "osr-hub"
    jwks_url: TrustedUrl | None = None
    development_keyfile: Path | None = None
    roles_claim: ClaimPath = "roles"
    brins_claim: ClaimPath = "brins"
    bges_claim: ClaimPath = "bges"
    oin_claim: ClaimPath = "oin"


class Login(SettingsGroup):
    """How people log in on the pages: by OpenID Connect at `issuer`, or where it is left out at the tokens' issuer."""

    client_id: str | None = None
    client_secret: SecretStr | None = None
    scopes: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = ("openid", "profile")
    issuer: TrustedUrl | None = None
    idle_minutes: PositiveInt = 30
    hours: PositiveInt = 10


class Secrets(SettingsGroup):
    """Keys that encrypt the secrets in the database: the first one seals, all of them open."""

    keys: Annotated[tuple[SealingKey, ...], BeforeValidator(split_commas)] = ()


class HttpClientName(StrEnum):
    """The client that calls receivers: the hub's own on asyncio streams, or pyreqwest."""

    STREAMS = "streams"
    PYREQWEST = "pyreqwest"


class Webhook(SettingsGroup):
    """How receivers' webhooks are called."""

    http_client: Annotated[HttpClientName, BeforeValidator(_lower)] = HttpClientName.STREAMS
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 15
    retry_schedule: Annotated[tuple[PositiveInt, ...], Field(min_length=1), BeforeValidator(split_commas)] = (
        5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400,
    )  # fmt: skip
    allowed_networks: Annotated[tuple[Network, ...], BeforeValidator(split_commas)] = ()
    client_certfile: FilePath | None = None
    client_keyfile: FilePath | None = None
    client_cafile: FilePath | None = None

    @checks_together(mode="after")
    def _check_pair(self) -> Self:
        if (self.client_certfile is None) != (self.client_keyfile is None):
            raise ValueError("CLIENT_CERTFILE and CLIENT_KEYFILE go together")
        return self


class Operations(SettingsGroup):
    """Limits of what one operator may do alone."""

    four_eyes_above: NonNegativeInt = 1000


class Objectives(SettingsGroup):
    """What share of messages is taken and processed within how many seconds, where a destination has nothing else."""

    transport_seconds: PositiveFloat = 60
    processing_seconds: PositiveFloat = 172_800
    share: Annotated[float, Field(gt=0, lt=1)] = 0.95


class Retention(SettingsGroup):
    """How long things are kept."""

    register_years: PositiveInt = 7
    deliveries_months: PositiveInt = 18
    attempts_days: PositiveInt = 90
    parked_days: PositiveInt = 30
