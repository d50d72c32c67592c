"""The command that takes away what is old: a table for people, numbers for programs, and books that stay right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.operations.retention import KINDS
from tests.support.servers.commands import osr_hub, read

if TYPE_CHECKING:
    from hub.store.pool import Connection


async def test_what_is_old_is_told_and_taken_away(database: str, connection: Connection) -> None:
    """A dry run says what would go and takes nothing; the command takes it, notes it, and finds nothing again."""
    await connection.execute(
        """insert into parked_records
             (topic, partition, "offset", headers, bytes, digest, reason, blame, detail, received_at)
           values ('t', 0, 1, '[]', 'x', 'x', 'schema', 'sender', 'wrong', now() - interval '40 days')"""
    )
    would = await read(database, "retention", "--dry-run")
    assert (would["dryRun"], would["gone"]["parked bytes"], set(would["gone"])) == (True, 1, set(KINDS))
    assert await connection.fetchval("select bytes from parked_records") == b"x"
    code, said, failed = await osr_hub(database, "retention")
    assert (code, "parked bytes" in said, failed) == (0, True, "")
    assert await connection.fetchval("select bytes from parked_records") is None
    assert sum((await read(database, "retention"))["gone"].values()) == 0
    assert await connection.fetchval("select after::text from audit where action = 'retention.applied'") == (
        '{"parked bytes":1}'
    )
    assert (await read(database, "verify"))["ok"] is True
