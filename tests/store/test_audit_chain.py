"""The audit as a hash chain per school: later changes, deletions, insertions and moves are found."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from hub.clock import now
from hub.observe.books import Rule, check_ledger
from hub.store import anchors, audit, people
from hub.store.audit import AuditEntry
from hub.store.people import SystemActor
from tests.support.register import small_register as small

if TYPE_CHECKING:
    from hub.store.pool import Connection

AT = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
DAY = date(2026, 11, 24)


def note(nth: int, brin: str | None = "18DS", actor: str = "jansen") -> AuditEntry:
    """Make an entry with every field set, with characters of more than one byte."""
    return AuditEntry(
        at=AT + timedelta(seconds=nth),
        actor=actor,
        action="mandate.amended",
        brin=brin,
        subject={"mandateId": f"m{nth}", "é": 1},
        before={"endDate": None},
        after={"endDate": date(2027, 7, 31)},
        reason=f"reëel {nth}" if nth % 2 else None,
    )


async def write(c: Connection, *notes: AuditEntry) -> None:
    """Write entries in one transaction."""
    async with c.transaction():
        await audit.write_all(c, notes)


async def broken(c: Connection) -> set[str | None]:
    """Run the ledger check and return the schools whose chain is broken (None: the chain without a school)."""
    violations = (await check_ledger(c, now())).violations
    assert {violation.rule for violation in violations} <= {Rule.AUDIT_CHAIN}
    return {violation.brin for violation in violations}


@pytest.fixture
async def noted(connection: Connection) -> Connection:
    """Two schools with three entries each, two entries without a school, an anchor, and two more entries per school."""
    await small.fill(connection)
    for nth in range(3):
        await write(connection, note(nth), note(nth, "00AA"), *([note(nth, None)] if nth else []))
    async with connection.transaction():
        assert await anchors.make(connection, DAY, AT, SystemActor.HUB) is not None
    await write(connection, note(7), note(8), note(9, "00AA"), note(10, "00AA", SystemActor.HUB))
    return connection


async def test_what_was_noted_holds_together(noted: Connection) -> None:
    """Entries are numbered per chain without gaps, and all seals fit."""
    assert await broken(noted) == set()
    rows = await noted.fetch(
        "select chain, max(number) as last, count(*) as n from audit group by chain order by chain"
    )
    assert [(row["chain"], row["last"], row["n"]) for row in rows] == [("", 3, 3), ("00AA", 5, 5), ("18DS", 5, 5)]


WRONGS: list[tuple[str, set[str | None]]] = [
    ("update audit set reason = 'another' where chain = '18DS' and number = 2", {"18DS"}),
    ("update audit set reason = null where chain = '18DS' and number = 2", {"18DS"}),
    ("update audit set at = at + interval '1 microsecond' where chain = '18DS' and number = 5", {"18DS"}),
    ("update audit set action = 'mandate.granted' where chain = '00AA' and number = 1", {"00AA"}),
    ("update audit set subject = '{}' where chain = '00AA' and number = 1", {"00AA"}),
    ("update audit set before = '{\"endDate\":\"2027-01-01\"}' where chain = '18DS' and number = 1", {"18DS"}),
    ("update audit set after = null where chain = '18DS' and number = 1", {"18DS"}),
    ("update audit set actor = gen_random_uuid()::text where chain = '18DS' and number = 4", {"18DS"}),
    ("update audit set brin = '00AA', number = 6 where chain = '18DS' and number = 5", {"18DS", "00AA"}),
    ("update audit set brin = null, number = 4 where chain = '18DS' and number = 5", {"18DS", None}),
    ("delete from audit where chain = '18DS' and number = 1", {"18DS"}),
    ("delete from audit where chain = '18DS' and number = 3", {"18DS"}),
    ("delete from audit where chain = '18DS' and number = 5", {"18DS"}),
    ("delete from audit where chain = '18DS'", {"18DS"}),
    ("delete from audit where chain = '18DS'; delete from audit_heads where chain = '18DS'", {"18DS"}),
    (
        """delete from audit where chain = '18DS' and number > 2;
           update audit_heads h set length = 2, seal = (select seal from audit where chain = '18DS' and number = 2)
            where chain = '18DS'""",
        {"18DS"},
    ),
    ("update audit_heads set length = 6 where chain = '18DS'", {"18DS"}),
    ("update audit_heads set seal = '' where chain = '18DS'", {"18DS"}),
    ("update audit_heads set base = 1 where chain = '18DS'", {"18DS"}),
    ("delete from audit_heads where chain = '18DS'", {"18DS"}),
    (
        """insert into audit (at, actor, action, brin, subject, number, seal)
           select at, actor, action, brin, subject, 6, seal from audit where chain = '18DS' and number = 5""",
        {"18DS"},
    ),
    (
        """insert into audit (at, actor, action, brin, subject, number, seal)
           values (now(), 'hub', 'mandate.granted', '0XYZ', '{}', 1, sha256('x'))""",
        {"0XYZ"},
    ),
    (
        """update audit set number = -number where chain = '18DS' and number in (2, 3);
           update audit set number = case number when -2 then 3 else 2 end where chain = '18DS' and number < 0""",
        {"18DS"},
    ),
    ("update audit_anchors set seal = sha256('x')", {None}),
    ("update audit_anchors set previous = sha256('x')", {None}),
    ("update audit_anchors set chains = 2", {None}),
    ("delete from anchored_heads; delete from audit_anchors", {None}),
    ("update anchored_heads set seal = sha256('x') where chain = '18DS'", {None, "18DS"}),
    ("delete from anchored_heads where chain = '18DS'", {None}),
]


@pytest.mark.parametrize(("change", "expected"), WRONGS, ids=[change[:60] for change, _ in WRONGS])
async def test_what_a_hand_changes_is_found(noted: Connection, change: str, expected: set[str | None]) -> None:
    """A manual change breaks the chain of its school and no other."""
    await noted.execute(change)
    assert await broken(noted) == expected


async def test_a_history_that_was_sealed_anew_does_not_fit_its_anchor(noted: Connection) -> None:
    """A chain that is rewritten with its head no longer fits its anchor."""
    rows = await noted.fetch("select * from audit where chain = '18DS' order by number")
    await noted.execute("delete from audit where chain = '18DS'; delete from audit_heads where chain = '18DS'")
    await write(noted, *(note(nth + 20) for nth in range(len(rows))))
    violations = (await check_ledger(noted, now())).violations
    assert [(v.rule, v.brin) for v in violations] == [(Rule.AUDIT_CHAIN, "18DS")]
    assert "2026-11-24" in violations[0].detail


async def test_writers_side_by_side_do_not_fork_a_chain(connection: Connection, database: str) -> None:
    """Ten concurrent writers to several schools leave one chain per school without a lost entry."""
    others = [await asyncpg.connect(database) for _ in range(10)]
    brins = ("18DS", None, "00AA")

    async def many(c: Connection, start: int) -> None:
        for nth in range(10):
            await write(c, *(note(nth, brins[(start + nth + k) % 3], f"actor {start % 4}") for k in range(3)))

    await asyncio.gather(*(many(each, nth) for nth, each in enumerate(others)))
    for each in others:
        await each.close()
    assert await broken(connection) == set()
    assert await connection.fetchval("select array_agg(distinct length) from audit_heads") == [100]
    assert await connection.fetchval("select count(*) from people") == 4


async def test_what_is_undone_is_not_noted(noted: Connection) -> None:
    """A transaction that rolls back leaves no entry."""
    undone = noted.transaction()
    await undone.start()
    await audit.write(noted, note(1))
    await undone.rollback()
    assert await broken(noted) == set()
    assert await noted.fetchval("select count(*) from audit where chain = '18DS'") == 5


async def test_an_anchor_is_made_once_a_day_whoever_tries(noted: Connection, database: str) -> None:
    """Four concurrent attempts make one anchor, which covers the chains that grew and follows the previous anchor."""
    others = [await asyncpg.connect(database) for _ in range(4)]

    async def make(c: Connection) -> bool:
        async with c.transaction():
            return await anchors.make(c, DAY + timedelta(days=1), AT, SystemActor.HUB) is not None

    assert sorted(await asyncio.gather(*map(make, others))) == [False, False, False, True]
    for each in others:
        await each.close()
    rows = await noted.fetch("select day, chains from audit_anchors order by day")
    assert [(row["day"], row["chains"]) for row in rows] == [(DAY, 3), (DAY + timedelta(days=1), 3)]
    assert await broken(noted) == set()
    await noted.execute("delete from anchored_heads where day = $1", DAY)
    await noted.execute("delete from audit_anchors where day = $1", DAY)
    assert await broken(noted) == {None}


async def test_no_day_is_anchored_after_a_later_one_or_without_notes(connection: Connection) -> None:
    """No anchor is made before the first entry, nor for a day before an existing anchor."""
    async with connection.transaction():
        assert await anchors.make(connection, DAY, AT, SystemActor.HUB) is None
        await audit.write(connection, note(1))
        assert await anchors.make(connection, DAY, AT, SystemActor.HUB) is not None
        assert await anchors.make(connection, DAY, AT, SystemActor.HUB) is None
        assert await anchors.make(connection, DAY - timedelta(days=1), AT, SystemActor.HUB) is None


async def test_no_name_stands_in_the_audit_and_erasing_one_leaves_it_whole(noted: Connection) -> None:
    """Only `people` links a pseudonym to a subject: the chain stays valid when it is erased."""
    jansen = await people.find(noted, "jansen")
    assert jansen is not None
    assert await noted.fetchval("select count(*) from audit where audit::text like '%jansen%'") == 0
    assert await noted.fetchval("select count(*) from audit where actor = $1", str(jansen.pseudonym)) == 11
    assert await people.erase(noted, jansen.pseudonym, AT)
    assert not await people.erase(noted, jansen.pseudonym, AT)
    assert await broken(noted) == set()
    assert await noted.fetchval("select count(*) from people where people::text like '%jansen%'") == 0
    async with noted.transaction():
        assert await people.pseudonym(noted, "jansen", AT) != str(jansen.pseudonym)


async def test_a_token_that_calls_itself_the_hub_is_somebody(connection: Connection) -> None:
    """A subject named like a system actor gets a pseudonym."""
    await write(connection, note(1, actor="hub"), note(2, actor=SystemActor.HUB))
    actors = [row["actor"] for row in await connection.fetch("select actor from audit order by id")]
    assert len(actors[0]) == 36
    assert actors[1] == "hub"
    assert await broken(connection) == set()
