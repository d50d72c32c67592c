"""All settings of an installation, and the checks that need more than one group."""

from typing import Self

from pydantic import Field, SecretStr
from pydantic import model_validator as checks_together
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from hub.errors import ConfigurationError
from hub.settings.groups import PREFIX, Auth, Database, Log, Login, Objectives, Operations, Retention, Secrets, Webhook
from hub.settings.http import Http, Limits
from hub.settings.kafka import Kafka
from schemas.identifiers import Oin, OinField


class Settings(BaseSettings):
    """All settings of an installation, made by `load` or from values; it reads no environment by itself."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        enable_decoding=False,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    hub_oin: OinField | None = Field(default=None, validation_alias=f"{PREFIX}OIN")
    database: Database = Database()
    kafka: Kafka = Kafka()
    duo_kafka: Kafka = Kafka()
    http: Http = Http()
    auth: Auth = Auth()
    login: Login = Login()
    secrets: Secrets = Secrets()
    webhook: Webhook = Webhook()
    log: Log = Log()
    retention: Retention = Retention()
    operations: Operations = Operations()
    objectives: Objectives = Objectives()
    limits: Limits = Limits()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library calls it by these names
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values as they are given; `load` reads the environment."""
        return (init_settings,)

    @checks_together(mode="after")
    def _share_kafka(self) -> Self:
        """Use our broker for DUO where no other is named; settings of DUO's own group then still go first."""
        if self.duo_kafka.bootstrap_servers is None:
            both = self.kafka.model_dump(exclude_unset=True) | self.duo_kafka.model_dump(exclude_unset=True)
            object.__setattr__(self, "duo_kafka", Kafka.model_validate(both))
        return self

    @property
    def oin(self) -> Oin:
        """The OIN of this hub, by which receivers know whose messages they read."""
        if self.hub_oin is None:
            raise ConfigurationError(
                "this hub has no OIN", next_step=f"Set {PREFIX}OIN to the 20 characters of the organisation's OIN."
            )
        return self.hub_oin

    @property
    def direct_dsn(self) -> str:
        """The address of the database past any pooler."""
        return self.database.direct_url

    @property
    def sealing_keys(self) -> tuple[SecretStr, ...]:
        """The keys that seal secrets in the database; at least one."""
        if not self.secrets.keys:
            raise ConfigurationError(
                "no key seals the secrets in the database",
                next_step=f"Set {PREFIX}SECRETS__KEYS to 32 random bytes in URL-safe base64.",
            )
        return self.secrets.keys

    @property
    def login_issuer(self) -> str | None:
        """Where people log in; None where only development tokens are accepted on the pages."""
        if self.login.client_id is None:
            return None
        issuer = self.login.issuer or self.auth.issuer
        if issuer is None:
            raise ConfigurationError(
                f"{PREFIX}LOGIN__CLIENT_ID names a client, and no issuer to log in at",
                next_step=f"Set {PREFIX}AUTH__ISSUER, or {PREFIX}LOGIN__ISSUER when people log in elsewhere.",
            )
        if "openid" not in self.login.scopes:
            raise ConfigurationError(
                f"{PREFIX}LOGIN__SCOPES lacks openid", next_step="Add openid: each login asks for it."
            )
        return issuer

    def check_tokens(self) -> None:
        """Raise `ConfigurationError` unless tokens come from exactly one side: an issuer, or a development key.

        A development key makes anybody who reads its file an operator, so it goes with private addresses only.
        """
        sources = {"ISSUER": self.auth.issuer, "DEVELOPMENT_KEYFILE": self.auth.development_keyfile}
        named = [name for name, value in sources.items() if value is not None]
        if len(named) != 1:
            found = "both are set" if named else "neither is set"
            raise ConfigurationError(
                f"no tokens can be accepted: of {' and '.join(f'{PREFIX}AUTH__{name}' for name in sources)} {found}",
                next_step="Set exactly one: the issuer in production, the key file for development.",
            )
        if self.auth.development_keyfile is not None and self.http.is_public:
            raise ConfigurationError(
                f"{PREFIX}AUTH__DEVELOPMENT_KEYFILE does not go with the public address {self.http.address}",
                next_step=f"Name an issuer in {PREFIX}AUTH__ISSUER instead, or a private {PREFIX}HTTP__PUBLIC_URL.",
            )
