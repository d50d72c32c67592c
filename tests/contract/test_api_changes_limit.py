"""A program in a loop does not flood DUO: a school has so many events an hour, and its page reads the newest only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hub.access import Role
from tests.support.api.school_calls import R1, mandate_request, open_hub

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool


async def test_a_school_changes_so_many_times_an_hour(tmp_path: Path, pool: Pool) -> None:
    """429 names the school and when it goes on, in every kind of change; other schools and reads are not concerned."""
    hub = await open_hub(pool, tmp_path, LIMITS__CHANGES_PER_SCHOOL_AND_HOUR="4")
    school = hub.as_caller(Role.SCHOOL, brins=["18DS", "00AA"])
    path = (await school.post("/v1/mandates", mandate_request())).headers["location"]
    routing = f"{path}/routing/18DS00"
    statuses = [(await school.call("PUT", routing, {"routingId": R1})).status]
    statuses += [(await school.call("DELETE", routing)).status for _ in range(1)]
    statuses += [(await school.call("PUT", routing, {"routingId": R1})).status]
    assert statuses == [200, 204, 200]
    refused = await school.call("DELETE", routing)
    assert (refused.status, refused.json["code"]) == (429, "too_many_changes")
    assert 3500 < int(refused.headers["retry-after"]) <= 3600
    assert "school 18DS changed 4 times within an hour" in refused.json["detail"]
    for call in (
        school.post(f"{path}/withdrawal", {}),
        school.post("/v1/mandates", mandate_request(serviceCode="RIO")),
        school.call("PATCH", path, {"endDate": "2099-01-01"}, headers={"If-Match": "*"}),
    ):
        assert (await call).status == 429
    assert (await school.get(path)).json["version"] == 4
    assert (await school.post("/v1/mandates", mandate_request(brin="00AA"))).status == 201
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    await pool.execute("update events set recorded_at = $1 where brin = '18DS' and number = 1", an_hour_ago)
    assert (await school.call("DELETE", routing)).status == 204
    strange = hub.as_caller(Role.SCHOOL, brins=["00AA"])
    assert (await strange.call("DELETE", routing)).status == 404
    assert (await strange.post("/v1/mandates", mandate_request())).status in {400, 403, 404}
