"""What `osr-hub doctor` asks of the database. In: a connection to a database of whatever schema. Out: facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hub.store.database_session import ISOLATION_SETTING, RELIED_ON
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.store.pool import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerFacts:
    """What the server is and has."""

    version: int
    encoding: str
    not_durable: Sequence[str]
    connections: int
    max_connections: int
    bytes: int
    kept_by_slots: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleFacts:
    """What the role may not do, and which settings it has of its own."""

    role: str
    closed_tables: Sequence[str]
    own_settings: Sequence[str]

    @property
    def overruled(self) -> list[str]:
        """Settings that the hub sets itself on each connection."""
        return [name for name in self.own_settings if name.lower() in {*RELIED_ON, ISOLATION_SETTING}]

    @property
    def kept(self) -> list[str]:
        """Settings that the hub leaves as they are."""
        return [name for name in self.own_settings if name not in self.overruled]


async def inspect_server(c: Connection) -> ServerFacts:
    """Read what the server is and has."""
    return ServerFacts(**await queries.inspect_server(c))


async def inspect_role(c: Connection) -> RoleFacts:
    """Read what the role may not do, and which settings it has of its own."""
    return RoleFacts(**await queries.inspect_role(c))


async def find_data_folder(c: Connection) -> str | None:
    """Return where a server keeps its data that is reached on its own machine; None elsewhere, or when hidden."""
    return cast("str | None", await queries.find_data_folder(c))
