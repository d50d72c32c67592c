"""The database changes over: callers are told to come back, and soon it works again without a restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.api.school_calls import mandate_request

if TYPE_CHECKING:
    from hub.store.pool import Connection
    from tests.support.api.client import Client

CUT = """select count(pg_terminate_backend(pid)) from pg_stat_activity
          where application_name like 'osr-hub %' and datname = current_database()"""


async def test_callers_get_503_while_nothing_can_be_written(
    school: Client, connection: Connection, database: str
) -> None:
    """Reads work meanwhile; the first write after it works too."""
    name = database.rpartition("/")[2]
    await connection.execute(f"alter database {name} set default_transaction_read_only = on")
    await connection.execute(CUT)
    statuses = [(await school.post("/v1/mandates", mandate_request())).status for _ in range(5)]
    answer = await school.post("/v1/mandates", mandate_request())
    assert (statuses, answer.status, answer.headers["retry-after"]) == ([503] * 5, 503, "1")
    assert (await school.get("/v1/schools/18DS")).status == 200
    assert (await school.get("/health/ready")).status == 503
    await connection.execute(f"alter database {name} reset default_transaction_read_only")
    assert (await school.post("/v1/mandates", mandate_request())).status == 201
    async with asyncio.timeout(30):
        while (await school.get("/health/ready")).status != 200:
            await asyncio.sleep(0.05)  # an answer may be a second old
