"""Copies of mandates to all schools of a board on a real database: previewed, all or nothing."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from hub.access import Actor, Caller, Role
from hub.imports import import_mandates, import_schools
from hub.operations import administration
from hub.register import moment
from schemas.identifiers import BgeCode, Brin
from tests.support.register.small_register import ONE, OTHER, request
from tests.support.register.small_register import grant as grant_directly

if TYPE_CHECKING:
    from hub.domain.mandate import Mandate
    from hub.register import CopyResult
    from hub.store.pool import Connection

SCHOOLS = (Path(__file__).parent.parent / "data" / "vestigingen-po.csv").read_bytes()
AT = moment(datetime(2026, 11, 23, 9, tzinfo=UTC))
LARGEST = BgeCode("41775")
HEADER = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"


def hand(*boards: str) -> Actor:
    """The administrator of boards."""
    bges = frozenset(map(BgeCode, boards))
    return Actor(caller=Caller(subject="somebody", roles=frozenset({Role.SCHOOL}), bges=bges), at=AT.now)


@pytest.fixture
async def brins(connection: Connection) -> list[Brin]:
    """The schools of the largest board in a register of real schools, with two systems."""
    await import_schools(connection, SCHOOLS, AT)
    await connection.execute(
        """insert into systems (supplier_oin, name, service_codes)
           values ($1, 'Een', '{VVA,RIO}'), ($2, 'Ander', '{VVA}')""",
        ONE,
        OTHER,
    )
    rows = await connection.fetch("select brin from schools where bge_code = $1 order by brin", LARGEST)
    return [row["brin"] for row in rows]


async def give(c: Connection, brin: Brin) -> Mandate:
    """Give one school of the board a mandate."""
    return await grant_directly(c, request(brin=brin), AT)


async def copy(c: Connection, mandate: Mandate, brins: list[Brin], *, dry_run: bool = False) -> list[CopyResult]:
    """Copy in a transaction of its own."""
    async with c.transaction():
        return await administration.copy(c, hand(LARGEST), mandate, brins, dry_run=dry_run)


async def test_the_largest_board_is_copied_to_in_one_go(connection: Connection, brins: list[Brin]) -> None:
    """55 schools cost as many statements as one, in one transaction, with one event per school."""
    assert len(brins) == 56
    mandate = await give(connection, brins[0])
    statements = Counter[str]()
    connection.add_query_logger(lambda record: statements.update([record.query]))
    assert [each.reason for each in await copy(connection, mandate, brins[1:2], dry_run=True)] == [None]
    for_one = sum(statements.values())
    began = time.perf_counter()
    results = await copy(connection, mandate, brins[1:])
    seconds = time.perf_counter() - began
    for_all = sum(statements.values()) - for_one
    print(f"\n55 copies: {seconds:.3f} s, {for_all} statements")
    assert {each.reason for each in results} == {None}
    assert for_all <= for_one + 10, "writing and noting is a few statements more, however many schools"
    rows = await connection.fetch(
        "select brin, count(*) as n from events where brin <> $1 group by brin",
        brins[0],
    )
    assert {row["brin"]: row["n"] for row in rows} == dict.fromkeys(brins[1:], 1)
    assert await connection.fetchval("select count(distinct xmin::text) from events") == 2
    assert await connection.fetchval("select count(*) from mandates where copied_from = $1", mandate.id) == 55


async def test_the_preview_says_where_it_would_be_the_first_system(connection: Connection, brins: list[Brin]) -> None:
    """The preview tells apart schools without a system, with the same system, and with another one before or then."""
    rows = (
        f"{brins[2]};VVA;{ONE};2026-08-01;2026-12-31;;",
        f"{brins[3]};VVA;{OTHER};2026-08-01;2026-12-31;;",
        f"{brins[4]};VVA;{OTHER};2026-08-01;;;",
        f"{brins[5]};RIO;{ONE};2026-08-01;;;",
    )
    async with connection.transaction():
        await import_mandates(connection, (HEADER + "\n".join(rows)).encode(), AT)
    mandate = await grant_directly(
        connection, request(brin=brins[0], start=datetime(2027, 1, 1, tzinfo=UTC).date()), AT
    )
    preview = await copy(connection, mandate, brins[1:6], dry_run=True)
    assert [(each.reason, each.current_system, each.is_first) for each in preview] == [
        (None, None, True),
        (None, "Een", False),
        (None, "Ander", False),
        ("other_system", "Ander", False),
        (None, None, True),
    ]
    assert await connection.fetchval("select count(*) from mandates") == 5
    done = await copy(connection, mandate, brins[1:6])
    assert [(each.reason, each.is_first) for each in done] == [(each.reason, each.is_first) for each in preview]


async def test_only_schools_that_one_administers_are_copied_to(connection: Connection, brins: list[Brin]) -> None:
    """A school of another board is unknown to the caller and gets nothing."""
    mandate = await give(connection, brins[0])
    (elsewhere, own) = await copy(connection, mandate, [Brin("18DS"), brins[1]])
    assert (elsewhere.reason, own.reason) == ("unknown_school", None)
    assert await connection.fetchval("select count(*) from mandates where brin = '18DS'") == 0


async def test_copies_are_made_all_or_none(connection: Connection, brins: list[Brin]) -> None:
    """A copy that fails at commit leaves no mandate, event or number."""
    mandate = await give(connection, brins[0])

    async def cut_off() -> None:
        async with connection.transaction():
            await administration.copy(connection, hand(LARGEST), mandate, brins[1:], dry_run=False)
            await connection.execute("select 1/0")

    with pytest.raises(asyncpg.PostgresError):
        await cut_off()
    assert await connection.fetchval("select count(*) from mandates") == 1
    assert await connection.fetchval("select sum(counter) from schools") == 1
    assert await connection.fetchval("select count(*) from events where mandate_id <> $1", mandate.id) == 0
