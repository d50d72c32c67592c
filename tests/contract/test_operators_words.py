"""What an operator writes as a reason: operations and the audit read the words, everybody else reads a code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from tests.support.api.school_calls import ONE, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool

LAS = f"las:{ONE}"


@pytest.mark.parametrize("words", ["jansen belde hierover", "no_receiver"])
async def test_the_words_of_an_operator_are_for_operations(pool: Pool, tmp_path: Path, words: str) -> None:
    """Messages, DUO and the school read a code; operations and the audit have the words; nothing depends on them."""
    hub = await open_hub(pool, tmp_path)
    for body in (mandate_request(serviceCode="RIO"), mandate_request()):
        assert (await hub.as_caller(Role.SCHOOL, brins=["18DS"]).post("/v1/mandates", body)).status == 201
    async with pool.acquire() as c:
        await plan_all(c)
    operator = hub.as_caller(Role.OPERATIONS)
    one = (await operator.get("/v1/deliveries", destination="duo:rio", brin="18DS")).json["items"][0]
    other = (await operator.get("/v1/deliveries", destination=LAS)).json["items"][0]
    for each in (one, other):
        assert (await operator.post(f"/v1/deliveries/{each['id']}/cancellation", {"reason": words})).status == 200
    school, las = hub.as_caller(Role.SCHOOL, brins=["18DS"]), hub.as_caller(Role.LAS, oin=ONE)
    reads = [(school, one), (hub.as_caller(Role.DUO), one), (las, other)]
    for caller, delivery in reads:
        assert (await caller.get(f"/v1/deliveries/{delivery['id']}")).json["reason"] == "cancelled_by_operator"
    status = (await school.get("/v1/schools/18DS/status")).json["branches"]
    published = await pool.fetchval("select string_agg(items::text, '') from change_outbox")

    assert {cell["reason"] for branch in status for cell in branch["cells"]} == {"cancelled_by_operator"}
    assert "cancelled_by_operator" in published
    assert words not in published
    assert words not in str(status)
    assert (await operator.get(f"/v1/deliveries/{one['id']}")).json["reason"] == words
    assert (await operator.get("/v1/audit", brin="18DS")).json["items"][0]["reason"] == words
    assert await pool.fetchval("select bool_and(reason <> 'no_receiver') from deliveries where status = 'cancelled'")
