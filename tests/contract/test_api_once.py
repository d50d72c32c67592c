"""A POST with an `Idempotency-Key` happens once; and a process is ready when its database is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from tests.support.api.probe_resource import probing
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client


@pytest.fixture
async def storing(tmp_path: Path, pool: Pool) -> Client:
    """Make a client of the API on a database with a table to write to, as one school."""
    await pool.execute("create table probe (n integer generated always as identity)")
    return probing(tmp_path, pool, SECRETS__KEYS=new_key()).as_caller(Role.SCHOOL, brins=["18DS"])


async def test_a_key_makes_a_post_happen_once(storing: Client, pool: Pool) -> None:
    """Asked again with the same key, the work is not done again and the answer is the same."""
    key = {"Idempotency-Key": "once"}
    first = await storing.post("/v1/probes/rows", headers=key)
    again = await storing.post("/v1/probes/rows", headers=key)

    assert first.status == again.status == 201
    assert first.headers["location"] == again.headers["location"]
    assert first.body == again.body
    assert again.headers["idempotency-replayed"] == "true"
    assert await pool.fetchval("select count(*) from probe") == 1


async def test_a_kept_answer_says_nothing_to_who_reads_the_table(storing: Client, pool: Pool) -> None:
    """An answer may hold a secret that is shown once; it is stored sealed."""
    await storing.post("/v1/probes/rows", headers={"Idempotency-Key": "once"})

    assert b"hush" not in await pool.fetchval("select body from idempotency_keys")


async def test_without_a_key_each_post_counts(storing: Client, pool: Pool) -> None:
    """No key, no memory."""
    await storing.post("/v1/probes/rows")
    await storing.post("/v1/probes/rows")

    assert await pool.fetchval("select count(*) from probe") == 2


async def test_a_key_is_its_callers_own(storing: Client, pool: Pool) -> None:
    """Two callers that choose the same key do not meet."""
    key = {"Idempotency-Key": "mine"}
    await storing.post("/v1/probes/rows", headers=key)
    await storing.as_caller(Role.SCHOOL, brins=["11OA"]).post("/v1/probes/rows", headers=key)

    assert await pool.fetchval("select count(*) from probe") == 2


async def test_a_key_is_for_one_request(storing: Client) -> None:
    """The same key with another request is a conflict."""
    key = {"Idempotency-Key": "once"}
    await storing.post("/v1/probes/rows", headers=key)
    reply = await storing.post("/v1/probes/rows?fail=false", headers=key)

    assert (reply.status, reply.json["code"]) == (409, "idempotency_key_reused")


async def test_what_failed_may_be_tried_again(storing: Client, pool: Pool) -> None:
    """A refused request leaves nothing behind, its key included."""
    key = {"Idempotency-Key": "again"}
    failed = await storing.post("/v1/probes/rows?fail=true", headers=key)
    again = await storing.post("/v1/probes/rows?fail=true", headers=key)

    assert (failed.status, again.status) == (409, 409)
    assert "idempotency-replayed" not in again.headers
    assert await pool.fetchval("select count(*) from probe") == 0


async def test_ready_means_that_the_schema_fits(storing: Client, pool: Pool) -> None:
    """The process is ready on a migrated database, and says so when the schema is another one."""
    assert (await storing.get("/health/ready")).status == 200
    await pool.execute("update alembic_version set version_num = 'another'")
    assert (await storing.get("/health/ready")).status == 503
