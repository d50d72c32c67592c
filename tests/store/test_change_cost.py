"""The cost of a change over HTTP: round trips to the database, against a recorded baseline."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import fastapi
import pytest
import starlette

import hub
import schemas
from hub.access import Role
from hub.api.reports import close_reports
from hub.clock import now
from hub.store.pool import open_pool
from hub.store.statements import queries
from tests.support.api.school_calls import ONE, OTHER, R1, R2, day, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, take
from tests.support.register.schools import add_schools, small_schools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from hub.store.pool import Pool
    from tests.support.api.client import Client, Reply

CHANGE = ["BEGIN;", "select token,", "with mandate", "COMMIT;"]
"""What locks and reads all that a decision needs, and what writes all that follows from it."""
KEYED = ["with kept", *CHANGE[:-1], "with answered", "COMMIT;"]
"""The same with a key: its claim, which others see at once, and the answer in the transaction of the work."""
COPY = ["BEGIN;", "select m.id,", *CHANGE[1:]]
"""The mandate is read first; then all schools cost as much as one."""

PARAMETERS = 7
"""What the one statement that writes is given: the rows of each table, as JSON."""
CALLS = 540
"""Calls of functions of the hub and of its web framework for a change that comes alone."""
COUNTED = tuple(f"{Path(part.__file__).parent}/" for part in (hub, schemas, fastapi, starlette) if part.__file__)
REPORT = 9
"""The round trips of a report that comes alone; those that come meanwhile share all but the first."""


@dataclass(slots=True)
class Statements:
    """The first two words of each statement that an application waits for: notifications it sends by themselves."""

    seen: list[str] = field(default_factory=list)

    def note(self, record: Any) -> None:
        """Take in one statement."""
        words = " ".join(record.query.split()[:2])
        if "pg_notify" not in words:
            self.seen.append(words)

    @asynccontextmanager
    async def of_one(self) -> AsyncIterator[list[str]]:
        """Record the statements of the block, on whichever connection."""
        self.seen.clear()
        yield self.seen
        await asyncio.sleep(0)  # the driver tells of a statement in the next turn of the loop


@pytest.fixture
async def single(database: str) -> AsyncIterator[Pool]:
    """Give a pool of one connection, of which the driver asks the types once."""
    pool = await open_pool(database, name="test", max_size=1)
    yield pool
    await pool.close()


@pytest.fixture
async def school(tmp_path: Path, single: Pool) -> Client:
    """Give a caller of a hub that has a small register and has made one change."""
    called = await open_hub(single, tmp_path)
    async with single.acquire() as c:
        await add_schools(c, *small_schools(["01AA", "02AA", "03AA", "04AA", "05AA"]))
    caller = called.as_caller(Role.SCHOOL, brins=["18DS", "00AA", "01AA", "02AA", "03AA", "04AA", "05AA"])
    assert (await caller.post("/v1/mandates", mandate_request(brin="00AA"))).status == 201
    return caller


@pytest.fixture
async def statements(single: Pool, school: Client) -> Statements:
    """Record what is asked of the database."""
    statements = Statements()
    assert school.token is not None
    async with single.acquire() as c:
        c.add_query_logger(statements.note)
    return statements


async def cost(statements: Statements, call: Any) -> list[str]:
    """Return the statements of a call that succeeds."""
    async with statements.of_one() as seen:
        reply: Reply = await call
    assert reply.status < 300, reply.body
    return list(seen)


async def test_a_change_is_four_round_trips(school: Client, statements: Statements) -> None:
    """Begin, lock and read, write, commit: the answer is made of what was written, and nobody waits for a NOTIFY."""
    granted = await school.post("/v1/mandates", mandate_request(branches=[{"branch": "18DS01", "routingId": R1}]))
    path = granted.headers["location"]
    routing, match = f"{path}/routing/18DS02", {"If-Match": "*"}
    assert await cost(statements, school.post("/v1/mandates", mandate_request(supplierOin=OTHER))) == CHANGE
    assert await cost(statements, school.call("PATCH", path, {"endDate": day(30)}, headers=match)) == CHANGE
    assert await cost(statements, school.call("PUT", routing, {"routingId": R2})) == CHANGE
    assert await cost(statements, school.call("DELETE", routing)) == CHANGE
    assert await cost(statements, school.post(f"{path}/withdrawal", {"reason": "other system"})) == CHANGE


async def test_a_change_costs_a_bounded_number_of_calls(school: Client) -> None:
    """The way from a request to its answer is as short as it was; turns are left out, because they follow the clock."""
    calls = Counter[str]()

    def count(frame: Any, event: str, _argument: object) -> None:
        name: str = frame.f_code.co_filename
        if event == "call" and name.startswith(COUNTED) and not name.endswith("/turns.py"):
            calls[frame.f_code.co_qualname] += 1

    sys.setprofile(count)
    try:
        replies = [await school.post("/v1/mandates", mandate_request(brin=f"0{n}AA")) for n in range(1, 6)]
    finally:
        sys.setprofile(None)
    print(f"\n{calls.total() / len(replies):.1f} calls per change: {calls.most_common(40)}")
    assert [reply.status for reply in replies] == [201] * 5
    assert calls.total() / len(replies) <= CALLS


def test_a_change_is_written_by_few_parameters() -> None:
    """The driver looks at each value of each array several times, and at a text once."""
    assert len(set(re.findall(r"\$\d+", queries.write_register.sql))) == PARAMETERS


async def test_a_copy_to_five_schools_costs_as_much_as_to_one(school: Client, statements: Statements) -> None:
    """Five round trips, whatever the number of schools."""
    path = (await school.post("/v1/mandates", mandate_request())).headers["location"]
    assert await cost(statements, school.post(f"{path}/copies", {"brins": ["01AA"]})) == COPY
    assert await cost(statements, school.post(f"{path}/copies", {"brins": ["02AA", "03AA", "04AA", "05AA"]})) == COPY


async def test_a_key_costs_two_round_trips(school: Client, statements: Statements) -> None:
    """Its claim before the work, and its answer within."""
    key = {"Idempotency-Key": "one"}
    assert await cost(statements, school.post("/v1/mandates", mandate_request(supplierOin=ONE), headers=key)) == KEYED


async def test_a_report_waits_for_nothing_but_its_own_rows(
    school: Client, single: Pool, statements: Statements
) -> None:
    """Its delivery, the lock of its lane, what it changes; what was measured of it is written afterwards."""
    for brin in ("18DS", "00AA"):
        await school.post("/v1/mandates", mandate_request(brin=brin, serviceCode="RIO"))
    async with single.acquire() as c:
        await plan_all(c)
        await take(c, "duo:rio")
        known = [
            str(row["id"]) for row in await c.fetch("select id from deliveries where destination = 3 order by brin")
        ]
    duo = school.as_caller(Role.DUO)
    body = {"status": "processed", "reportedAt": now().isoformat()}
    assert (await duo.post(f"/v1/deliveries/{known[0]}/reports", body)).status == 200
    seen = await cost(statements, duo.post(f"/v1/deliveries/{known[1]}/reports", body))
    assert (seen[:2], seen[-1]) == (["select d.id,", "BEGIN;"], "COMMIT;")
    assert len(seen) <= REPORT
    assert await single.fetchval("select count(*) from hops where hop = 'processing'") == 0
    await close_reports(cast("FastAPI", school.app))
    assert await single.fetchval("select sum(n) from hops where hop = 'processing'") == 2
