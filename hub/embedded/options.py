"""What a stack decides for its processes. In: the caller's options and settings. Out: every process's settings.

The caller's own `OSR_HUB_` settings are passed on, except those that follow from where the stack put its servers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.embedded import ports
from hub.embedded.errors import HostElsewhere, PortTaken
from hub.embedded.keys import StackSecrets, development_keyfile
from hub.settings.read import given_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from hub.embedded.paths import DataDir

PREFIX: Final = "OSR_HUB_"
NOT_PASSED_ON: Final = (f"{PREFIX}TEST_", f"{PREFIX}AUTH__ISSUER", f"{PREFIX}AUTH__JWKS_URL")
DATABASE: Final = f"{PREFIX}DATABASE__"
KAFKA: Final = f"{PREFIX}KAFKA__"
DUO_KAFKA: Final = f"{PREFIX}DUO_KAFKA__"
LOGIN: Final = f"{PREFIX}LOGIN__"
SERVERS: Final = "BOOTSTRAP_SERVERS"
HUB_OIN: Final = "00000099000000000001"
LAS_OIN: Final = "00000099000000001000"
LOOPBACK_NETWORKS: Final = "127.0.0.0/8,::1/128"
HTTP_PORT: Final = 8080
ANSWER_ON_LOOPBACK: Final = ("127.0.0.1", "0.0.0.0", "localhost")  # noqa: S104 - the caller asks for it
CANDIDATES: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class StackOptions:
    """What the caller of a stack wants; `caller` are its own `OSR_HUB_` settings."""

    data_dir: Path
    port: int | None = None
    fresh: bool = False
    with_simulators: bool = True
    caller: Mapping[str, str] = field(default_factory=dict)

    @property
    def database(self) -> str | None:
        """The database that the caller names, if any."""
        return self.caller.get(f"{DATABASE}DSN")

    @property
    def kafka(self) -> str | None:
        """The Kafka that the caller names, if any."""
        return self.caller.get(f"{KAFKA}{SERVERS}")

    @property
    def duo_kafka(self) -> str | None:
        """The Kafka that the caller names for DUO, if any."""
        return self.caller.get(f"{DUO_KAFKA}{SERVERS}")


def read_caller_settings(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> dict[str, str]:
    """Return the caller's `OSR_HUB_` settings: those of `.env`, and before them those of the environment."""
    return {name.upper(): value for name, value in given_values(environment, dotenv).items() if value}


def choose_http_port(options: StackOptions, claims: ExitStack) -> int:
    """Return the API's port, claimed until `claims` closes: the one asked for, else the usual one, else any free one.

    Raises `PortTaken` when another program or another stack has the port that was asked for.
    """
    asked = options.port or int(options.caller.get(f"{PREFIX}HTTP__PORT", "0"))
    if asked:
        why = ports.why_not(asked)
        if why is None and not ports.claim(asked, claims):
            why = "another stack of this machine has it"
        if why is not None:
            raise PortTaken(asked, why)
        return asked
    if ports.is_free(HTTP_PORT) and ports.claim(HTTP_PORT, claims):
        return HTTP_PORT
    return next(port for port in ports.choose([], CANDIDATES) if ports.claim(port, claims))


def check_http_host(host: str) -> None:
    """Raise `HostElsewhere` unless a server on this host answers on 127.0.0.1, which the stack calls."""
    if host.lower() not in ANSWER_ON_LOOPBACK:
        raise HostElsewhere(host)


def process_settings(
    options: StackOptions, data: DataDir, keys: StackSecrets, servers: Mapping[str, str], port: int
) -> dict[str, str]:
    """Return every process's settings; `servers` are those that the stack starts, by the setting that names them."""
    decided = {
        **servers,
        f"{PREFIX}OIN": options.caller.get(f"{PREFIX}OIN", HUB_OIN),
        f"{PREFIX}HTTP__PORT": str(port),
        f"{PREFIX}HTTP__PUBLIC_URL": f"http://{ports.LOOPBACK}:{port}",
        f"{PREFIX}AUTH__DEVELOPMENT_KEYFILE": str(development_keyfile(data)),
        f"{PREFIX}SECRETS__KEYS": options.caller.get(f"{PREFIX}SECRETS__KEYS", keys.sealing_key),
        f"{PREFIX}WEBHOOK__ALLOWED_NETWORKS": _allowed_networks(options.caller),
    }
    return _inherited_settings(options, servers) | decided | _login(options, keys)


def _login(options: StackOptions, keys: StackSecrets) -> dict[str, str]:
    """Return the settings of the development login, unless the caller names a login or wants no simulators."""
    if not options.with_simulators or f"{LOGIN}CLIENT_ID" in options.caller:
        return {}
    return {f"{LOGIN}CLIENT_ID": "osr-hub", f"{LOGIN}ISSUER": f"http://{ports.LOOPBACK}:{keys.login_port}"}


def _inherited_settings(options: StackOptions, servers: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's settings without those of servers that the stack starts; DUO's Kafka is ours by default."""
    own = tuple(group for group in (DATABASE, KAFKA, DUO_KAFKA) if any(name.startswith(group) for name in servers))
    passed = {name: value for name, value in options.caller.items() if not name.startswith((*NOT_PASSED_ON, *own))}
    if options.kafka and not options.duo_kafka:
        ours = {name: value for name, value in passed.items() if name.startswith(KAFKA)}
        passed = {DUO_KAFKA + name.removeprefix(KAFKA): value for name, value in ours.items()} | passed
    return passed


def _allowed_networks(caller: Mapping[str, str]) -> str:
    return ",".join(filter(None, (LOOPBACK_NETWORKS, caller.get(f"{PREFIX}WEBHOOK__ALLOWED_NETWORKS"))))
