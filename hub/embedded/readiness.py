"""Readiness probes of the stack's services. In: an address, a database, a consumer group. Out: probes to call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import AIOKafkaAdminClient

from hub.embedded.ports import LOOPBACK, listens
from hub.store import processes
from hub.store.connections import connect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.embedded.program import ReadinessProbe
    from hub.store.database_session import DatabaseSession

GROUP_STATE: Final = 2
"""The position of the state in the protocol's description of a group."""


class HeartbeatProbe:
    """Looks up heartbeats in the database, over one connection that is opened when it is needed."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: DatabaseSession | None = None
        self._lock = asyncio.Lock()

    def of(self, role: str) -> ReadinessProbe:
        """Return the probe whether a process with this role has a fresh heartbeat."""

        async def ask(pid: int) -> bool:
            async with self._lock:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(self._dsn, "osr-hub up")
                return await processes.is_beating(self._connection, role, pid)

        return ask

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def http_probe(port: int, path: str) -> ReadinessProbe:
    """Return the probe whether HTTP on a loopback port answers this path with 200."""

    async def ask(_pid: int) -> bool:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
        finally:
            writer.close()

    return ask


def port_probe(port: int) -> ReadinessProbe:
    """Return the probe whether something listens on a loopback port."""

    async def ask(_pid: int) -> bool:
        return await listens(port)

    return ask


def consumer_group_probe(group: str, options: Mapping[str, Any]) -> ReadinessProbe:
    """Return the probe whether a consumer group has its partitions."""

    async def ask(_pid: int) -> bool:
        admin = AIOKafkaAdminClient(**options)
        try:
            await admin.start()
            described = await admin.describe_consumer_groups([group])
            return any(found[GROUP_STATE] == "Stable" for answer in described for found in answer.groups)
        finally:
            await admin.close()

    return ask
