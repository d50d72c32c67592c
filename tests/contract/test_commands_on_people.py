"""Commands on the audit: who stands behind a pseudonym, forgetting that, and the seal of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.clock import now, today
from hub.store import audit
from hub.store.audit import AuditEntry
from tests.support.api.kept_answers import keep_answer
from tests.support.servers.commands import osr_hub, read

if TYPE_CHECKING:
    from hub.store.pool import Connection

JANSEN = "jansen@school.example"


async def act(c: Connection) -> None:
    """Let somebody do something and be answered."""
    async with c.transaction():
        await audit.write(c, AuditEntry(at=now(), actor=JANSEN, action="mandate.granted", brin="18DS"))
        await keep_answer(c, "key", b"{}", subject=JANSEN)


async def everything(c: Connection) -> str:
    """Read every row of every table as text."""
    tables = [row["t"] for row in await c.fetch("select tablename as t from pg_tables where schemaname = 'public'")]
    select = "select coalesce(string_agg(x::text, ' '), '') from"
    texts = [await c.fetchval(f"{select} {table} x") for table in tables]
    return " ".join(texts)


async def test_who_is_erased_is_nowhere_any_more_and_the_audit_stays_whole(
    database: str, connection: Connection
) -> None:
    """Found by subject and by pseudonym before; afterwards no table has the name, and the books are right."""
    await act(connection)
    assert (await everything(connection)).count(JANSEN) == 1
    assert await connection.fetchval("select count(*) from idempotency_keys") == 1
    code, said, _ = await osr_hub(database, "people", "show", JANSEN)
    pseudonym = said.partition(":")[0]
    assert (code, len(pseudonym), JANSEN in said) == (0, 36, True)
    assert (await osr_hub(database, "people", "erase", JANSEN))[0] == 2
    assert (await osr_hub(database, "people", "erase", pseudonym, "--reason", "asked for"))[0] == 0
    assert (await everything(connection)).count(JANSEN) == 0
    assert await connection.fetchval("select count(*) from idempotency_keys") == 0
    assert (await read(database, "verify"))["ok"] is True
    code, said, _ = await osr_hub(database, "people", "show", pseudonym)
    assert (code, "nobody any more" in said) == (0, True)
    assert (await osr_hub(database, "people", "show", JANSEN))[0] == 2
    note = await connection.fetchrow("select actor, reason from audit where action = 'person.erased'")
    assert note is not None
    assert tuple(note) == ("osr-hub command line", "asked for")


async def test_the_seal_of_the_day_is_made_once_and_told_again(database: str, connection: Connection) -> None:
    """Without notes there is none; then the same day says the same seal, and the books know it."""
    code, _, failed = await osr_hub(database, "anchor")
    assert (code, "nothing was noted yet" in failed) == (2, True)
    await act(connection)
    code, said, _ = await osr_hub(database, "anchor")
    day, seal = said.split()[:2]
    assert (code, day, len(seal)) == (0, today(now()).isoformat(), 64)
    assert (await osr_hub(database, "anchor"))[1].split()[:2] == [day, seal]
    assert (await read(database, "verify"))["ok"] is True
    await connection.execute("update audit_anchors set seal = sha256('x')")
    code, said, _ = await osr_hub(database, "verify", "--json")
    assert (code, "audit_chain" in said) == (1, True)
