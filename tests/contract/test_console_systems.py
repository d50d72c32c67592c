"""The pages where a supplier has several systems, and where a service was added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.access import Role
from tests.support.api.school_calls import ONE, day, open_hub
from tests.support.lanes.ledger_states import plan_all
from tests.support.pages.form_client import log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool

SECOND = "een-speciaal"


async def test_a_school_chooses_between_systems_of_one_supplier(pool: Pool, tmp_path: Path) -> None:
    """Systems of one name are told apart by their codes; a new service can be chosen; operations read whom to call."""
    hub = await open_hub(pool, tmp_path)
    operations = hub.as_caller(Role.OPERATIONS)
    await operations.post("/v1/services", {"serviceCode": "DEELNAME", "shownAs": "Deelname po", "kind": "las"})
    contact = {"name": "Servicedesk", "email": "help@een.example"}
    body = {"supplierOin": ONE, "systemCode": SECOND, "systemName": "Een", "serviceCodes": ["VVA", "DEELNAME"]}
    assert (await operations.post("/v1/systems", body | {"contact": contact})).status == 201
    paper = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    assert "Deelname po" in await paper.text("/mandaten/18DS/nieuw")
    page = await paper.text("/mandaten/18DS/nieuw?dienst=VVA")
    assert f"Een ({SECOND})</option>" in page
    assert f"Een ({ONE})</option>" in page
    assert "Ander</option>" in page
    form: dict[str, object] = {"service": "VVA", "system": SECOND, "start": day(), "end": ""}
    refused = await paper.post("/mandaten/18DS/nieuw", form | {"system": ""})
    assert (refused.status, "Kies een administratiesysteem." in refused.body.decode()) == (200, True)
    assert (await paper.post("/mandaten/18DS/nieuw", form)).status == 303
    async with pool.acquire() as c:
        assert await c.fetchval("select system_code from mandates") == SECOND
        await plan_all(c)
    text = await (await log_in_as(hub, Role.OPERATIONS)).text(f"/console/destinations/las:{SECOND}")
    assert "<h1>Een, Deelname po, VVA</h1>" in text
    assert f"{SECOND} · {ONE}" in text
    assert "Servicedesk, help@een.example" in text
