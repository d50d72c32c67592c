"""The schema: the migrations lead to it, and they may run concurrently."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg

import hub.store
from hub.store.migrations import current_revision, migrate, newest_revision

CATALOGUE = """
select 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
       pg_get_expr(d.adbin, d.adrelid)
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'i') and c.relname !~ '^alembic'
union all
select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
  from pg_constraint where connamespace = 'public'::regnamespace and conrelid::regclass::text !~ '^alembic'
union all
select 'index', tablename, indexname, indexdef, '', '' from pg_indexes
 where schemaname = 'public' and tablename !~ '^alembic'
union all
select 'option', relname, unnest(reloptions), '', '', '' from pg_class where relnamespace = 'public'::regnamespace
union all
select 'type', t.typname, e.enumlabel, '', '', '' from pg_type t join pg_enum e on e.enumtypid = t.oid
union all
select 'comment', d.objoid::regclass::text, a.attname, d.description, '', ''
  from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
  left join pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid
 where c.relnamespace = 'public'::regnamespace
union all
select 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', '' from pg_trigger where not tgisinternal
union all
select 'function', proname, prosrc, obj_description(oid), '', '' from pg_proc
 where pronamespace = 'public'::regnamespace
order by 1, 2, 3
"""


OIN = "00000099000000001000"
OLD_ROWS = """
insert into boards (bge_code) values ('41561');
insert into schools (brin, name, bge_code, sector) values ('18DS', 'a', '41561', 'po');
insert into systems (supplier_oin, name, service_codes) values ('00000099000000001000', 'a', '{VVA}');
insert into destinations (name, kind, supplier_oin)
select k || ':' || supplier_oin, k, supplier_oin from systems cross join (values ('las'), ('las-copy')) v (k);
insert into mandates (id, brin, service_code, supplier_oin, start_date, units, created_at, updated_at)
values (gen_random_uuid(), '18DS', 'VVA', '00000099000000001000', '2026-01-01', '[]', now(), now());
insert into subscriptions (id, supplier_oin, url, services, types, processing_results, reports, created_at, updated_at)
values (gen_random_uuid(), '00000099000000001000', 'https://a.example', '{VVA}', '{*}', false, true, now(), now());
"""


async def catalogue(dsn: str) -> list[tuple[Any, ...]]:
    """Return everything that makes up a schema."""
    c = await asyncpg.connect(dsn)
    rows = [tuple(row) for row in await c.fetch(CATALOGUE)]
    await c.close()
    return rows


async def test_the_migrations_lead_to_the_schema_as_it_is_written_down(database: str, empty_database: str) -> None:
    """The migrations give exactly the schema of `schema.sql`."""
    c = await asyncpg.connect(empty_database)
    await c.execute((Path(hub.store.__file__).parent / "schema.sql").read_text(encoding="utf-8"))
    await c.close()
    assert await catalogue(database) == await catalogue(empty_database)


async def test_migrating_is_safe_side_by_side_and_again(empty_database: str) -> None:
    """Concurrent and repeated migrations end at the same revision."""
    assert await asyncio.gather(*(migrate(empty_database) for _ in range(4))) == [newest_revision()] * 4
    assert await migrate(empty_database) == newest_revision()
    c = await asyncpg.connect(empty_database)
    assert await current_revision(c) == newest_revision()
    await c.close()


async def test_systems_of_an_older_version_keep_their_suppliers_oin_as_their_code(empty_database: str) -> None:
    """Mandates, subscriptions and destinations follow; destinations keep their names and numbers."""
    c = await asyncpg.connect(empty_database)
    versions = sorted((Path(hub.store.__file__).parent / "migrations" / "versions").glob("*.sql"))
    place = next(n for n, path in enumerate(versions) if path.name.endswith("_systems.sql"))
    for path in versions[:place]:
        await c.execute(path.read_text(encoding="utf-8"))
    await c.execute(OLD_ROWS)
    before = await c.fetch("select id, name, kind, supplier_oin from destinations order by id")
    for path in versions[place:]:
        await c.execute(path.read_text(encoding="utf-8"))
    assert await c.fetch("select id, name, kind, supplier_oin from destinations order by id") == before
    for table in ("systems", "mandates", "subscriptions"):
        assert [tuple(row) for row in await c.fetch(f"select supplier_oin, system_code from {table}")] == [(OIN, OIN)]  # noqa: S608
    codes = await c.fetch("select name, system_code from destinations where kind <> 'duo' order by name")
    assert [tuple(row) for row in codes] == [(f"las-copy:{OIN}", OIN), (f"las:{OIN}", OIN)]
    await c.execute(
        "insert into systems (supplier_oin, name, service_codes) values ('00000099000000002000', 'b', '{VVA}')"
    )
    assert await c.fetchval("select system_code from systems where name = 'b'") == "00000099000000002000"
    await c.close()
