"""How requests are read, and how what is wrong with them is called: by the names and in the forms that callers use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.tokens import Role
from tests.support.calls import codes, day, open_hub, patch, wish

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api import Client


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with two schools and two systems."""
    return await open_hub(pool, tmp_path)


@pytest.fixture
def school(hub: Client) -> Client:
    """Be the school."""
    return hub.as_caller(Role.SCHOOL, brins=["18DS"])


@pytest.mark.parametrize("given", ["2099-01-01T00:00:00Z", "2099-02-29", "2099-1-1", "20990101", "x", "", 20990101])
async def test_a_day_is_a_date_and_nothing_else(school: Client, given: object) -> None:
    """A moment is no day, not at midnight either; every wrong day is called the same, in bodies and addresses."""
    asked = await school.post("/v1/mandates", wish(startDate=given, endDate=given))
    assert (asked.status, codes(asked)) == (400, [("/startDate", "form"), ("/endDate", "form")])
    made = (await school.post("/v1/mandates", wish())).json
    changed = await patch(school, f"/v1/mandates/{made['id']}", {"endDate": given}, 1)
    assert (changed.status, codes(changed)) == (400, [("/endDate", "form")])
    listed = await school.get(f"/v1/mandates?referenceDate={given}")
    assert (listed.status, codes(listed)) == (400, [("/referenceDate", "form")])
    assert (await school.get(f"/v1/mandates?referenceDate={day()}")).json["items"]
