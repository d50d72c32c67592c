"""The table of the hub's own processes. In: their settings. Out: programs to supervise, in the order of the flow."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from hub.embedded.answers import Beats, accepts, reads, serves
from hub.embedded.program import WRONG_CONFIGURATION, Answers, Program
from hub.embedded.wish import LAS_OIN, PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hub.embedded.keys import Keys
    from hub.embedded.places import DataDir
    from hub.settings import Settings

INSTANCE: Final = ("--instance", "embedded")
"""A name of its own lets a consumer that was killed take up its partitions at once."""
DUO_GROUP: Final = "simulate-duo"
SIMULATE: Final = f"{PREFIX}SIMULATE__"


def hub_programs(settings: Settings, names: Mapping[str, str], beats: Beats, after: tuple[str, ...]) -> list[Program]:
    """Describe the API, the producer and the consumers; all start once the programs `after` are ready."""

    def program(name: str, module: str, *words: str, answers: Answers) -> Program:
        return Program(
            name=name,
            command=(sys.executable, "-P", "-m", module, *words),
            environment=_environment(names),
            answers=answers,
            after=after,
            hopeless=(WRONG_CONFIGURATION,),
        )

    return [
        program("serve", "hub.cli", "serve", answers=serves(settings.http.port, "/health/ready")),
        program("produce", "producers.cli", answers=beats.of("produce")),
        program("plan", "consumers.cli", "plan", *INSTANCE, answers=beats.of("plan")),
        program("forward", "consumers.cli", "forward", answers=beats.of("forward")),
        program("reports", "consumers.cli", "reports", *INSTANCE, answers=beats.of("reports")),
    ]


def simulator_programs(
    settings: Settings, names: Mapping[str, str], data: DataDir, keys: Keys, after: tuple[str, ...]
) -> list[Program]:
    """Describe the simulated DUO and the simulated LAS."""
    las = {
        f"{SIMULATE}OIN": LAS_OIN,
        f"{SIMULATE}PORT": str(keys.las_port),
        f"{SIMULATE}URL": las_url(keys),
        f"{SIMULATE}HUB": f"{settings.http.address}/v1",
        f"{SIMULATE}TOKEN_FILE": str(las_token_file(data)),
        f"{SIMULATE}STATE_DIR": str(data.simulators),
    }
    options = settings.duo_kafka.client_options()
    table: list[tuple[str, Mapping[str, str], Answers]] = [
        ("duo", {}, reads(DUO_GROUP, options)),
        ("las", las, accepts(keys.las_port)),
    ]
    return [
        Program(
            name=f"simulate-{who}",
            command=(sys.executable, "-P", "-m", "hub.cli", "simulate", who),
            environment=_environment({**names, **more}),
            answers=answers,
            after=after,
            hopeless=(WRONG_CONFIGURATION,),
        )
        for who, more, answers in table
    ]


def las_url(keys: Keys) -> str:
    """Return the webhook address of the simulated LAS."""
    return f"http://127.0.0.1:{keys.las_port}/hook"


def las_token_file(data: DataDir) -> Path:
    """Return where the token of the simulated LAS lies."""
    return data.keys / "las-token"


def _environment(names: Mapping[str, str]) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return {**others, **names}
