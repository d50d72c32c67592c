"""What a change would lead to is said before it is made: of a branch's routing characteristic, and of copies."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from tests.support.api.school_calls import OTHER, R1, R2, mandate_request, open_hub
from tests.support.pages.form_client import FormClient, log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

HOLD = {"reason": "onderhoud"}


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with a small register."""
    return await open_hub(pool, tmp_path)


@pytest.fixture
async def paper(hub: Client) -> FormClient:
    """Give an administrator of two schools who logged in."""
    return await log_in_as(hub, Role.SCHOOL, brins=("18DS", "00AA"))


async def given(hub: Client, **changes: object) -> str:
    """Give a mandate for RIO, and return the path of its page."""
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    made = (await school.post("/v1/mandates", mandate_request(serviceCode="RIO", **changes))).json
    return f"/mandaten/18DS/{made['id']}"


def shown(page: str) -> str:
    """Return the text of a page, each run of blanks as one."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))


async def events(pool: Pool) -> int:
    """Return how many events there are."""
    return int(await pool.fetchval("select count(*) from events"))


async def test_a_characteristic_says_who_is_told_before_it_is_saved(hub: Client, paper: FormClient, pool: Pool) -> None:
    """The preview names the free characteristic, and exactly that one is saved once it is confirmed."""
    path = f"{await given(hub)}/vestiging/18DS01"
    await paper.get(path)
    check = await paper.post(path, {"version": 1, "how": "free"})
    page = shown(check.body.decode())
    assert f"Nu: geen Wordt: {R1}" in page
    assert "DUO : mandaat voor Een vanaf" in page
    assert f"(18DS01, {R1})" in page
    assert "(18DS00, 18DS02, 18DS03)" in page
    assert await events(pool) == 1
    saved = await paper.post(path, {"version": 1, "how": "own", "own": R1, "step": "confirm"})
    assert (saved.status, "done=routed" in saved.headers["location"]) == (303, True)
    assert await pool.fetchval("select routing_id from routes where branch = '18DS01'") == R1


async def test_taking_a_characteristic_away_is_foreseen_too(hub: Client, paper: FormClient, pool: Pool) -> None:
    """The branch goes back to the rest; what changes nothing has no preview, and what is wrong goes to the form."""
    path = f"{await given(hub, branches=[{'branch': '18DS01', 'routingId': R1}])}/vestiging/18DS01"
    await paper.get(path)
    page = shown((await paper.post(path, {"version": 1, "how": "none"})).body.decode())
    assert f"Nu: {R1} Wordt: geen" in page
    assert "Een wisselt voor deze vestigingen niet meer uit" in page
    same = await paper.post(path, {"version": 1, "how": "own", "own": R1})
    assert (same.status, "done=routed" in same.headers["location"]) == (303, True)
    wrong = await paper.submit(path, {"version": 1, "how": "own", "own": "0000000700000AA00001"})
    check = wrong.headers["location"].replace("vestiging/18DS01?", "vestiging/18DS01/controle?")
    assert (await paper.get(check)).headers["location"] == wrong.headers["location"]
    assert await events(pool) == 1


async def test_a_characteristic_that_somebody_took_meanwhile_is_not_replaced_by_another(
    hub: Client, paper: FormClient, pool: Pool
) -> None:
    """Confirmed too late, it goes back to the form with what is wrong: never a number that the preview did not name."""
    path = f"{await given(hub)}/vestiging/18DS01"
    await paper.get(path)
    await paper.post(path, {"version": 1, "how": "free"})
    await given(hub, supplierOin=OTHER, branches=[{"branch": "18DS02", "routingId": R1}])
    version = await pool.fetchval("select version from mandates order by created_at limit 1")
    late = await paper.post(path, {"version": version, "how": "own", "own": R1, "step": "confirm"})
    assert "voor deze dienst al in gebruik bij een andere vestiging" in shown(late.body.decode())
    assert await pool.fetchval("select count(*) from routes where routing_id = $1", R2) == 0


async def test_copies_say_who_is_told_and_what_waits(hub: Client, paper: FormClient, pool: Pool) -> None:
    """A queue that is held is named as such: no sentence says that its receiver is told at once."""
    path = f"{await given(hub)}/kopieren"
    await paper.get(path)
    page = shown((await paper.post(path, {"step": "preview", "brin": "00AA"})).body.decode())
    assert "DUO : mandaat voor Een vanaf" in page
    assert "(over 1 school) zodra u bevestigt" in page
    assert "wacht tot" not in page
    held = await hub.as_caller(Role.OPERATIONS).post("/v1/destinations/duo:rio/hold", HOLD)
    assert held.status == 200
    page = shown((await paper.post(path, {"step": "preview", "brin": "00AA"})).body.decode())
    assert "(over 1 school) zodra u bevestigt; wacht tot de beheerder het vrijgeeft" in page
    assert await events(pool) == 1
