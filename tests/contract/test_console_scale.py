"""The pages of whoever administers many schools: they are found by name, and one mandate is copied to all of them."""

from __future__ import annotations

import re
from time import perf_counter
from typing import TYPE_CHECKING, Final

import pytest

from hub.access import Role
from tests.support.api.school_calls import ONE, open_hub
from tests.support.pages.form_client import FormClient, log_in_as
from tests.support.register.schools import BuiltSchool, add_schools

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool

SCHOOLS: Final = [f"{n // 26:02}{chr(65 + n % 26)}Z" for n in range(1000)]
LARGEST: Final = 56


@pytest.fixture
async def paper(pool: Pool, tmp_path: Path) -> FormClient:
    """Be somebody who administers a board of 56 schools, and a thousand schools in all."""
    hub = await open_hub(pool, tmp_path)
    async with pool.acquire() as c:
        schools = (
            BuiltSchool(brin=brin, name=f"School {nth}", board="20000" if nth <= LARGEST else "30000")
            for nth, brin in enumerate(SCHOOLS, start=1)
        )
        await add_schools(c, *schools)
    return await log_in_as(hub, Role.SCHOOL, bges=("20000", "30000"))


async def test_a_thousand_schools_are_paged_and_searched(paper: FormClient) -> None:
    """Fifty at a time, by name, by board, or by code, which leads to the school itself."""
    page = await paper.text("/mandaten")
    seen = re.findall(r'href="/mandaten/(\w{4})"', page)
    while more := re.search(r'href="(/mandaten\?q=[^"]*after=\w{4})"', page):
        page = await paper.text(more[1].replace("&amp;", "&"))
        seen += re.findall(r'href="/mandaten/(\w{4})"', page)
    assert seen == sorted(SCHOOLS)
    assert len(re.findall(r'href="/mandaten/(\w{4})"', await paper.text("/mandaten?q=20000"))) == 56
    assert (await paper.get(f"/mandaten?q={SCHOOLS[3].lower()}")).headers["location"] == f"/mandaten/{SCHOOLS[3]}"
    assert "School 999" in (await paper.get("/mandaten?q=school+99")).body.decode()


async def test_a_mandate_is_copied_to_a_whole_board(paper: FormClient) -> None:
    """Preview and copy of 56 schools, each with its outcome; a page of a thousand schools can be ticked."""
    form: dict[str, object] = {"service": "RIO", "system": ONE, "start": "2099-08-01"}
    made = (await paper.post(f"/mandaten/{SCHOOLS[0]}/nieuw", form)).headers["location"].partition("?")[0]
    assert (await paper.text(f"{made}/kopieren")).count('type="checkbox"') == 999
    preview = await paper.post(f"{made}/kopieren", {"step": "preview_all", "q": "20000"})
    assert "55 scholen krijgen dit mandaat" in preview.body.decode()
    started = perf_counter()
    done = await paper.post(f"{made}/kopieren", {"step": "confirm", "version": 1, "brin": SCHOOLS[1:LARGEST]})
    print(f"a copy to 55 schools: {perf_counter() - started:.2f} s")
    outcome = await paper.text(done.headers["location"])
    assert "55 scholen kregen dit mandaat" in outcome
    assert outcome.count("mandaat gegeven") == 55
    again = await paper.post(f"{made}/kopieren", {"step": "preview", "brin": SCHOOLS[1:4]})
    assert "3 scholen worden overgeslagen" in again.body.decode()
    chosen = await paper.text(f"{made}/kopieren")
    assert (chosen.count('type="checkbox"'), "55 scholen kunnen niet" in chosen) == (944, True)
    stale = await paper.post(f"{made}/kopieren", {"step": "confirm", "version": 7, "brin": SCHOOLS[60]})
    assert (stale.status, "Iemand anders heeft dit" in stale.body.decode()) == (200, True)
    many = await paper.post(f"{made}/kopieren", {"step": "preview_all", "q": ""})
    assert "944 scholen krijgen dit mandaat" in many.body.decode()
