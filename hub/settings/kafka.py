"""The settings of one Kafka, ours or DUO's. Out: the options by which aiokafka connects to it."""

from enum import StrEnum
from ssl import SSLContext, SSLError, create_default_context
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, FilePath, SecretStr
from pydantic import model_validator as checks_together

from hub.errors import ConfigurationError
from hub.settings.groups import SettingsGroup, split_commas

METADATA_MAX_AGE_MS: Final = 3000  # with aiokafka's five minutes, a consumer of a recreated topic gets nothing


class SecurityProtocol(StrEnum):
    """How a connection is protected."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class SaslMechanism(StrEnum):
    """How the client authenticates."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class Kafka(SettingsGroup):
    """One Kafka and how to connect to it."""

    bootstrap_servers: Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(split_commas)] | None = None
    security_protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    sasl_mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: FilePath | None = None
    ssl_certfile: FilePath | None = None
    ssl_keyfile: FilePath | None = None

    @checks_together(mode="after")
    def _check_parts(self) -> Self:
        if self._uses_sasl and (self.sasl_username is None or self.sasl_password is None):
            raise ValueError(f"SECURITY_PROTOCOL {self.security_protocol} needs SASL_USERNAME and SASL_PASSWORD")
        if (self.ssl_certfile is None) != (self.ssl_keyfile is None):
            raise ValueError("SSL_CERTFILE and SSL_KEYFILE go together")
        return self

    def client_options(self) -> dict[str, Any]:
        """Return the options that every aiokafka client of this Kafka takes."""
        if self.bootstrap_servers is None:
            raise ConfigurationError(
                "no Kafka is named", next_step="Set OSR_HUB_KAFKA__BOOTSTRAP_SERVERS, like kafka-1:9092,kafka-2:9092."
            )
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.bootstrap_servers),
            "security_protocol": self.security_protocol.value,
            "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        }
        if self._uses_tls:
            options["ssl_context"] = self._tls()
        if self._uses_sasl:
            options["sasl_mechanism"] = self.sasl_mechanism.value
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password and self.sasl_password.get_secret_value()
        return options

    @property
    def _uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")

    @property
    def _uses_tls(self) -> bool:
        return self.security_protocol.endswith("SSL")

    def _tls(self) -> SSLContext:
        try:
            context = create_default_context(cafile=self.ssl_cafile)
            if self.ssl_certfile is not None:
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile)
        except (OSError, SSLError) as error:
            raise ConfigurationError(f"the certificates for Kafka cannot be used: {error}") from error
        return context
