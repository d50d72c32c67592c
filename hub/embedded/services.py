"""The table of the hub's own processes. In: their settings. Out: programs to supervise, in the order of the flow."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from hub.embedded.options import LAS_OIN, PREFIX
from hub.embedded.program import WRONG_CONFIGURATION, Program, ReadinessProbe
from hub.embedded.readiness import HeartbeatProbe, consumer_group_probe, http_probe, port_probe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hub.embedded.keys import StackSecrets
    from hub.embedded.paths import DataDir
    from hub.settings import Settings

INSTANCE: Final = ("--instance", "embedded")
"""A static group member: a consumer that was killed gets its partitions back at once."""
DUO_GROUP: Final = "simulate-duo"
SIMULATOR_PREFIX: Final = f"{PREFIX}SIMULATE__"


def hub_programs(
    settings: Settings, names: Mapping[str, str], heartbeats: HeartbeatProbe, depends_on: tuple[str, ...]
) -> list[Program]:
    """Describe the API, the producer and the consumers; all start once the programs `after` are ready."""

    def program(name: str, module: str, *words: str, probe: ReadinessProbe) -> Program:
        return Program(
            name=name,
            command=(sys.executable, "-P", "-m", module, *words),
            environment=_environment(names),
            probe=probe,
            depends_on=depends_on,
            fatal_exit_codes=(WRONG_CONFIGURATION,),
        )

    return [
        program("serve", "hub.cli", "serve", probe=http_probe(settings.http.port, "/health/ready")),
        program("produce", "producers.cli", probe=heartbeats.of("produce")),
        program("plan", "consumers.cli", "plan", *INSTANCE, probe=heartbeats.of("plan")),
        program("forward", "consumers.cli", "forward", probe=heartbeats.of("forward")),
        program("reports", "consumers.cli", "reports", *INSTANCE, probe=heartbeats.of("reports")),
    ]


def simulator_programs(
    settings: Settings, names: Mapping[str, str], data: DataDir, keys: StackSecrets, depends_on: tuple[str, ...]
) -> list[Program]:
    """Describe the simulated DUO, the simulated LAS, and the login for development where the stack has it."""
    las = {
        f"{SIMULATOR_PREFIX}OIN": LAS_OIN,
        f"{SIMULATOR_PREFIX}PORT": str(keys.las_port),
        f"{SIMULATOR_PREFIX}URL": las_url(keys),
        f"{SIMULATOR_PREFIX}HUB": f"{settings.http.address}/v1",
        f"{SIMULATOR_PREFIX}TOKEN_FILE": str(las_token_file(data)),
        f"{SIMULATOR_PREFIX}STATE_DIR": str(data.simulators),
    }
    table: list[tuple[str, Mapping[str, str], ReadinessProbe]] = [
        ("duo", {}, consumer_group_probe(DUO_GROUP, settings.duo_kafka.client_options())),
        ("las", las, port_probe(keys.las_port)),
        *_login(settings, keys),
    ]
    return [
        Program(
            name=f"simulate-{who}",
            command=(sys.executable, "-P", "-m", "hub.cli", "simulate", who),
            environment=_environment({**names, **more}),
            probe=probe,
            depends_on=depends_on,
            fatal_exit_codes=(WRONG_CONFIGURATION,),
        )
        for who, more, probe in table
    ]


def _login(settings: Settings, keys: StackSecrets) -> list[tuple[str, Mapping[str, str], ReadinessProbe]]:
    """Describe the login for development, unless people log in elsewhere."""
    if settings.login_issuer != login_url(keys):
        return []
    return [("login", {f"{SIMULATOR_PREFIX}PORT": str(keys.login_port)}, port_probe(keys.login_port))]


def las_url(keys: StackSecrets) -> str:
    """Return the webhook address of the simulated LAS."""
    return f"http://127.0.0.1:{keys.las_port}/hook"


def login_url(keys: StackSecrets) -> str:
    """Return the issuer of the development login."""
    return f"http://127.0.0.1:{keys.login_port}"


def las_token_file(data: DataDir) -> Path:
    """Return the path of the simulated LAS's token."""
    return data.keys / "las-token"


def _environment(names: Mapping[str, str]) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return {**others, **names}
