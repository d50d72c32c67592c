"""What a stack decides for its processes. In: what the caller wants and has set. Out: every process's settings.

The caller's own `OSR_HUB_` settings are passed on, except those that follow from where the stack put its servers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dotenv import dotenv_values

from hub.embedded import ports
from hub.embedded.keys import StackSecrets, development_keyfile
from hub.errors import EmbeddedUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.embedded.paths import DataDir

PREFIX: Final = "OSR_HUB_"
NOT_PASSED_ON: Final = (f"{PREFIX}TEST_", f"{PREFIX}AUTH__ISSUER", f"{PREFIX}AUTH__JWKS_URL")
DATABASE: Final = f"{PREFIX}DATABASE__"
KAFKA: Final = f"{PREFIX}KAFKA__"
DUO_KAFKA: Final = f"{PREFIX}DUO_KAFKA__"
SERVERS: Final = "BOOTSTRAP_SERVERS"
HUB_OIN: Final = "00000099000000000001"
LAS_OIN: Final = "00000099000000001000"
LOOPBACK_NETWORKS: Final = "127.0.0.0/8,::1/128"
HTTP_PORT: Final = 8080


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
    written = {name: value for name, value in dotenv_values(dotenv).items() if value}
    found = written | dict(os.environ if environment is None else environment)
    return {name.upper(): value for name, value in found.items() if name.upper().startswith(PREFIX) and value}


def choose_http_port(options: StackOptions) -> int:
    """Return the port for the API: the one asked for, which must be free, else the usual one or any other."""
    asked = options.port or int(options.caller.get(f"{PREFIX}HTTP__PORT", "0"))
    if asked:
        if not ports.is_free(asked):
            message = f"port {asked} is taken by another program; give another --port."
            raise EmbeddedUnavailable(message)
        return asked
    return HTTP_PORT if ports.is_free(HTTP_PORT) else ports.choose([], 1)[0]


def process_settings(
    options: StackOptions, data: DataDir, keys: StackSecrets, servers: Mapping[str, str]
) -> dict[str, str]:
    """Return every process's settings; `servers` are those that the stack starts, by the setting that names them."""
    port = choose_http_port(options)
    decided = {
        **servers,
        f"{PREFIX}OIN": options.caller.get(f"{PREFIX}OIN", HUB_OIN),
        f"{PREFIX}HTTP__PORT": str(port),
        f"{PREFIX}HTTP__PUBLIC_URL": f"http://{ports.LOOPBACK}:{port}",
        f"{PREFIX}AUTH__DEVELOPMENT_KEYFILE": str(development_keyfile(data)),
        f"{PREFIX}SECRETS__KEYS": options.caller.get(f"{PREFIX}SECRETS__KEYS", keys.sealing_key),
        f"{PREFIX}WEBHOOK__ALLOWED_NETWORKS": _allowed_networks(options.caller),
    }
    return _inherited_settings(options, servers) | decided


def _inherited_settings(options: StackOptions, servers: Mapping[str, str]) -> dict[str, str]:
    """Leave out what speaks of servers that the stack starts itself, and let DUO's Kafka be like ours by default."""
    own = tuple(group for group in (DATABASE, KAFKA, DUO_KAFKA) if any(name.startswith(group) for name in servers))
    passed = {name: value for name, value in options.caller.items() if not name.startswith((*NOT_PASSED_ON, *own))}
    if options.kafka and not options.duo_kafka:
        ours = {name: value for name, value in passed.items() if name.startswith(KAFKA)}
        passed = {DUO_KAFKA + name.removeprefix(KAFKA): value for name, value in ours.items()} | passed
    return passed


def _allowed_networks(caller: Mapping[str, str]) -> str:
    return ",".join(filter(None, (LOOPBACK_NETWORKS, caller.get(f"{PREFIX}WEBHOOK__ALLOWED_NETWORKS"))))
