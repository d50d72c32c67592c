"""The file `connection.json`. In: settings, tokens, process numbers. Out: how to reach the stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from hub.embedded.paths import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hub.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class StackConnection:
    """How to reach a running stack; `simulators` has the OIN and the address of the simulated LAS, if it runs."""

    settings: Settings
    names: Mapping[str, str]
    tokens: Mapping[str, str]
    simulators: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The hub's address, without a slash at the end."""
        return self.settings.http.address

    def as_json(self, processes: tuple[tuple[str, int], ...]) -> dict[str, Any]:
        """Return the document, with these processes."""
        return {
            "version": 1,
            "api": f"{self.address}/v1",
            "console": f"{self.address}/console",
            "metrics": f"{self.address}/metrics",
            "databaseDsn": self.settings.database.url,
            "kafkaBootstrapServers": ",".join(self.settings.kafka.bootstrap_servers or ()),
            "duoKafkaBootstrapServers": ",".join(self.settings.duo_kafka.bootstrap_servers or ()),
            "hubOin": self.settings.oin,
            "tokens": self.tokens,
            "environment": self.names,
            "simulators": self.simulators,
            "processes": [{"name": name, "pid": pid} for name, pid in processes],
        }

    def write(self, path: Path, processes: tuple[tuple[str, int], ...]) -> None:
        """Replace the file atomically, readable by its owner only."""
        write_private(path, orjson.dumps(self.as_json(processes), option=orjson.OPT_INDENT_2).decode())
