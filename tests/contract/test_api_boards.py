"""A school that goes to another board, over HTTP: the new board sees all that was, the old one nothing any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.access import Role
from hub.clock import now
from hub.register import moment
from tests.support.api.school_calls import mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, publish
from tests.support.register.school_files import po, take

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

BRANCHES = {f"18DS0{n}": name for n, name in enumerate("abcd")}


async def seen(board: Client, mandate_id: str) -> dict[str, object]:
    """Ask for all that a board may see of the school."""
    return {
        "mandate": (await board.get(f"/v1/mandates/{mandate_id}")).status,
        "mandates": len((await board.get("/v1/mandates", brin="18DS")).json["items"]),
        "events": len((await board.get("/v1/events")).json["items"]),
        "deliveries": len((await board.get("/v1/deliveries", brin="18DS")).json["items"]),
        "status": (await board.get("/v1/schools/18DS/status")).status,
        "routing": len((await board.get("/v1/routing", branch="18DS00", serviceCode="RIO")).json["items"]),
    }


async def test_the_history_of_a_school_goes_to_its_new_board(pool: Pool, tmp_path: Path) -> None:
    """Mandates that ended, events, deliveries and the status of each branch; and it may change what lives."""
    hub = await open_hub(pool, tmp_path)
    old, new = (hub.as_caller(Role.SCHOOL, bges=[board]) for board in ("41561", "41775"))
    gone = (await old.post("/v1/mandates", mandate_request())).json["id"]
    assert (await old.post(f"/v1/mandates/{gone}/withdrawal", {"reason": "x"})).status == 200
    kept = (await old.post("/v1/mandates", mandate_request(serviceCode="RIO"))).json["id"]
    nothing = {"mandate": 404, "mandates": 0, "events": 0, "deliveries": 0, "status": 404, "routing": 0}
    async with pool.acquire() as c:
        await plan_all(c)
    await publish(pool)
    before = await seen(old, gone)
    assert before == {"mandate": 200, "mandates": 2, "events": 3, "deliveries": 3, "status": 200, "routing": 1}
    assert await seen(new, gone) == nothing
    async with pool.acquire() as c:
        await take(c, po({"18DS": ("41775", BRANCHES)}), moment(now()))
        await plan_all(c)
    await publish(pool)
    assert await seen(old, gone) == nothing
    assert await seen(new, gone) == {**before, "events": 4, "deliveries": 4}
    assert (await old.post(f"/v1/mandates/{kept}/withdrawal", {"reason": "x"})).status == 404
    assert (await new.post(f"/v1/mandates/{kept}/withdrawal", {"reason": "x"})).json["bgeCode"] == "41775"
