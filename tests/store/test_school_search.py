"""A search for a part of a school's name reads what it finds, not every school."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.store.mandates import MandateScope, SchoolFilter, list_schools
from tests.support.sessions import prefer_index_lookups

if TYPE_CHECKING:
    import asyncpg

SCHOOLS = 45_000
EVERYTHING = MandateScope(everything=True)
INSERT = """
insert into schools (brin, name, bge_code, sector)
select lpad((n % 100)::text, 2, '0') || chr(65 + n / 100 % 26) || chr(65 + n / 2600),
       (array['Openbare Basisschool', 'Christelijk College', 'Scholengemeenschap'])[1 + n % 3] || ' '
       || initcap(translate(substr(md5(n::text), 1, 9), '0123456789', 'ghijklmnop')), '41561', 'po'
  from generate_series(0, $1 - 1) n
on conflict (brin) do nothing
"""
NAMED = "update schools set name = $2 where brin = $1"
BLOCKS = """
select t.heap_blks_read + t.heap_blks_hit + t.idx_blks_read + t.idx_blks_hit
  from pg_statio_user_tables t where t.relname = 'schools'
"""


@pytest.fixture
async def country(connection: asyncpg.Connection[Any]) -> asyncpg.Connection[Any]:
    """A register of 45,000 schools, three of which have names of their own."""
    await connection.execute("insert into boards (bge_code) values ('41561') on conflict do nothing")
    await connection.execute(INSERT, SCHOOLS)
    for brin, name in (("10QA", "De Regenboog"), ("55QA", "Sint Xavier - 100% zonnig"), ("90QA", "OBS Zwölf_Äpfel")):
        await connection.execute(NAMED, brin, name)
    await connection.execute("vacuum analyze schools")
    await prefer_index_lookups(connection)
    return connection


async def blocks_read(c: asyncpg.Connection[Any]) -> int:
    """Return how many blocks of schools and their indexes were read so far."""
    await c.execute("select pg_stat_force_next_flush()")
    await c.execute("select pg_stat_clear_snapshot()")
    return int(await c.fetchval(BLOCKS))


async def test_a_search_reads_what_it_finds(country: asyncpg.Connection[Any]) -> None:
    """Rare, frequent, short and unknown parts of names cost few blocks of the register."""
    whole = int(await country.fetchval("select pg_relation_size('schools') / current_setting('block_size')::int"))
    for part, brins in (
        ("regenboog", {"10QA"}), ("e REGEN", {"10QA"}), ("xav", {"55QA"}), ("xa", {"55QA"}), ("100%", {"55QA"}),
        ("f_ä", {"90QA"}), ("0_ zon", set()), ("öl\\f", set()), ("zzzz", set()), ("no such school", set()),
    ):  # fmt: skip
        before = await blocks_read(country)
        found = await list_schools(country, SchoolFilter(name=part), EVERYTHING, 51)
        assert {row["brin"] for row in found} == brins, part
        assert await blocks_read(country) - before < whole / 5, part
    for part in ("college", "s", "basis", "op"):
        before = await blocks_read(country)
        found = await list_schools(country, SchoolFilter(name=part), EVERYTHING, 51)
        assert [row["brin"] for row in found] == sorted(row["brin"] for row in found), part
        assert len(found) == 51, part
        assert await blocks_read(country) - before < whole / 5, part


async def test_the_next_page_goes_on_after_a_school(country: asyncpg.Connection[Any]) -> None:
    """Following the last code of each page finds all schools of a name once."""
    expected = await country.fetch("select brin from schools where name ilike '%college ab%' order by brin")
    found: list[str] = []
    while rows := await list_schools(
        country, SchoolFilter(name="College Ab", after=found[-1] if found else None), EVERYTHING, 20
    ):
        found += [row["brin"] for row in rows]
    assert len(found) > 20
    assert found == [row["brin"] for row in expected]
