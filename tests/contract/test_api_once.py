"""A POST with an `Idempotency-Key` happens once; and a process is ready when its database is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.access import Caller, Role
from schemas.identifiers import Brin, Oin
from tests.support.api.probe_resource import GATES, probing
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


async def test_a_key_has_one_form(storing: Client, pool: Pool) -> None:
    """One that is empty, too long or not ASCII is refused, and nothing is done."""
    for key in ("", "x" * 256, "é"):
        reply = await storing.post("/v1/probes/rows", headers={"Idempotency-Key": key})
        assert (reply.status, reply.json["errors"][0]["field"]) == (400, "/Idempotency-Key")

    assert await pool.fetchval("select count(*) from probe") == 0


async def test_what_failed_may_be_tried_again(storing: Client, pool: Pool) -> None:
    """A refused request leaves nothing behind, its key included."""
    key = {"Idempotency-Key": "again"}
    failed = await storing.post("/v1/probes/rows?fail=true", headers=key)
    again = await storing.post("/v1/probes/rows?fail=true", headers=key)

    assert (failed.status, again.status) == (409, 409)
    assert "idempotency-replayed" not in again.headers
    assert await pool.fetchval("select count(*) from probe") == 0


async def test_a_key_belongs_to_who_may_do_what(storing: Client, pool: Pool) -> None:
    """The same subject as another supplier, without the role or for other schools does not see the answer."""
    key = {"Idempotency-Key": "mine"}
    full = Caller(subject="one", roles=frozenset({Role.SCHOOL, Role.LAS}), oins=frozenset({Oin("1")}))
    others = [
        replace(full, oins=frozenset({Oin("2")})),
        replace(full, roles=frozenset({Role.SCHOOL})),
        replace(full, brins=frozenset({Brin("18DS")})),
        replace(full, systems=frozenset({"one"})),
    ]
    for caller in (full, *others):
        reply = await storing.as_bearer(caller).post("/v1/probes/rows", headers=key)
        assert (reply.status, "idempotency-replayed" in reply.headers) == (201, False)

    assert await pool.fetchval("select count(*) from probe") == 5
    assert (await storing.as_bearer(full).post("/v1/probes/rows", headers=key)).headers["idempotency-replayed"]


async def test_while_one_request_works_another_with_its_key_is_told_so_at_once(storing: Client, pool: Pool) -> None:
    """It waits for nothing, and no connection is held for either; afterwards the answer is repeated."""
    key, (here, opened) = {"Idempotency-Key": "slow"}, _gate("slow")
    first = asyncio.create_task(storing.post("/v1/probes/gated?gate=slow", headers=key))
    await here.wait()
    again = await storing.post("/v1/probes/gated?gate=slow", headers=key)
    other = await storing.post("/v1/probes/gated?gate=another", headers=key)

    assert (again.status, again.json["code"]) == (409, "idempotency_key_in_use")
    assert (other.status, other.json["code"]) == (409, "idempotency_key_reused")
    assert pool.get_idle_size() == pool.get_size()
    opened.set()
    assert (await first).status == 201
    assert (await storing.post("/v1/probes/gated?gate=slow", headers=key)).headers["idempotency-replayed"] == "true"


async def test_of_two_that_work_on_a_key_one_commits(storing: Client, pool: Pool) -> None:
    """A claim that has ended is taken over, and who had it before does nothing any more."""
    key, (here, opened), (_, second_opened) = {"Idempotency-Key": "lost"}, _gate("lost"), _gate("lost")
    second_opened.set()
    first = asyncio.create_task(storing.post("/v1/probes/gated?gate=lost", headers=key))
    await here.wait()
    await pool.execute("update idempotency_keys set claimed_until = clock_timestamp()")

    assert (await storing.post("/v1/probes/gated?gate=lost", headers=key)).status == 201
    opened.set()
    late = await first
    assert (late.status, late.json["code"]) == (409, "idempotency_key_in_use")
    assert await pool.fetchval("select count(*) from probe") == 1
    assert (await storing.post("/v1/probes/gated?gate=lost", headers=key)).headers["idempotency-replayed"] == "true"


async def test_a_request_that_only_reads_is_not_kept(storing: Client, pool: Pool) -> None:
    """Only calls that write use up room."""
    key = {"Idempotency-Key": "read"}
    assert (await storing.post("/v1/probes/counted", headers=key)).json == {"rows": 0}
    await storing.post("/v1/probes/rows")

    assert (await storing.post("/v1/probes/counted", headers=key)).json == {"rows": 1}
    assert await pool.fetchval("select count(*) from idempotency_keys") == 0


async def test_a_large_answer_is_not_kept_and_its_work_not_repeated(storing: Client, pool: Pool) -> None:
    """Asked again, the hub says that it was done."""
    key = {"Idempotency-Key": "large"}
    first = await storing.post("/v1/probes/large", headers=key)
    again = await storing.post("/v1/probes/large", headers=key)

    assert (first.status, len(first.body)) == (201, 70_002)
    assert (again.status, again.json["code"]) == (409, "answer_not_kept")
    assert await pool.fetchval("select count(*) from probe") == 1
    assert await pool.fetchval("select sum(coalesce(length(body), 0)) from idempotency_keys") == 0


async def test_a_caller_has_room_for_so_many_answers(tmp_path: Path, storing: Client, pool: Pool) -> None:
    """One more is refused in words; known keys are answered, and other callers have room of their own."""
    full = probing(tmp_path, pool, LIMITS__KEPT_ANSWERS="2").as_caller(Role.SCHOOL, brins=["18DS"])
    for name in ("one", "two", "one"):
        assert (await full.post("/v1/probes/rows", headers={"Idempotency-Key": name})).status == 201
    refused = await full.post("/v1/probes/rows", headers={"Idempotency-Key": "three"})
    other = await storing.as_caller(Role.SCHOOL, brins=["11OA"]).post(
        "/v1/probes/rows", headers={"Idempotency-Key": "three"}
    )

    assert (refused.status, "24 hours" in refused.json["detail"], other.status) == (429, True, 201)
    assert await pool.fetchval("select count(*) from probe") == 3
    assert (await full.post("/v1/probes/rows")).status == 201


async def test_a_caller_has_so_many_requests_with_a_key_in_progress(tmp_path: Path, pool: Pool) -> None:
    """One more is refused at once."""
    await pool.execute("create table probe (n integer generated always as identity)")
    api = probing(tmp_path, pool, LIMITS__KEYED_AT_ONCE="1").as_caller(Role.SCHOOL, brins=["18DS"])
    here, opened = _gate("full")
    first = asyncio.create_task(api.post("/v1/probes/gated?gate=full", headers={"Idempotency-Key": "one"}))
    await here.wait()
    refused = await api.post("/v1/probes/rows", headers={"Idempotency-Key": "two"})
    opened.set()

    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert (await first).status == 201
    assert (await api.post("/v1/probes/rows", headers={"Idempotency-Key": "two"})).status == 201


async def test_an_expired_answer_is_given_no_more(storing: Client, pool: Pool) -> None:
    """After a day a key is new again."""
    key = {"Idempotency-Key": "old"}
    await storing.post("/v1/probes/rows", headers=key)
    await pool.execute("update idempotency_keys set created_at = created_at - interval '25 hours'")

    assert "idempotency-replayed" not in (await storing.post("/v1/probes/rows", headers=key)).headers
    assert await pool.fetchval("select count(*) from probe") == 2


def _gate(name: str) -> tuple[asyncio.Event, asyncio.Event]:
    gate = asyncio.Event(), asyncio.Event()
    GATES[name].append(gate)
    return gate


async def test_ready_means_that_the_schema_fits(tmp_path: Path, pool: Pool) -> None:
    """A process is ready on a migrated database, and says so when the schema is another one."""
    assert (await probing(tmp_path, pool).get("/health/ready")).status == 200
    await pool.execute("update alembic_version set version_num = 'another'")
    assert (await probing(tmp_path, pool).get("/health/ready")).status == 503
