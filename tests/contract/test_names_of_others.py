"""Names that people cannot read are refused on the way in; what is there already is shown as text on every page."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from tests.support.api.school_calls import mandate_request, open_hub
from tests.support.pages.form_client import log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

SYSTEM = {"supplierOin": "00000099000000003000", "systemName": "Derde", "serviceCodes": ["VVA"]}
WRONG = ("", " ", "\u200b\ufeff", "a\x1b[31m", "a\x00", "a\u202e", "a\x9b", "a\nb", "x" * 201)


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with a register."""
    return await open_hub(pool, tmp_path)


@pytest.mark.parametrize("name", WRONG, ids=ascii)
async def test_a_system_has_a_name_that_can_be_read(hub: Client, pool: Pool, name: str) -> None:
    """Anything else is refused with its field, and nothing is registered."""
    reply = await hub.as_caller(Role.OPERATIONS).post("/v1/systems", {**SYSTEM, "systemName": name})
    assert reply.status == 400
    assert "systemName" in reply.body.decode() or "NUL" in reply.body.decode()
    assert await pool.fetchval("select count(*) from systems where supplier_oin = $1", SYSTEM["supplierOin"]) == 0


async def test_a_system_keeps_its_name_composed(hub: Client) -> None:
    """Two spellings of one name are one name: the second change is none."""
    operations = hub.as_caller(Role.OPERATIONS)
    for form in ("NFD", "NFC"):
        reply = await operations.post("/v1/systems", {**SYSTEM, "systemName": unicodedata.normalize(form, "Zoë [/x]")})
        assert reply.json["systemName"] == "Zoë [/x]"


async def test_pages_show_text_that_cannot_turn_the_page_round(hub: Client, pool: Pool) -> None:
    """A direction character in a name that is stored already is seen, and turns nothing round."""
    await hub.as_caller(Role.SCHOOL, brins=["18DS"]).post("/v1/mandates", mandate_request())
    await pool.execute("update schools set name = $1", "De \u202eBoog\x1b")
    await pool.execute("update systems set name = $1", "Een \u2066<b>")
    person = await log_in_as(hub, Role.OPERATIONS)
    for path in ("/mandaten", "/mandaten/18DS"):
        text = await person.text(path)
        assert "De \\u202eBoog\\x1b" in text
        assert not {"\u202e", "\u2066", "\x1b"} & set(text)
    assert "Een \\u2066&lt;b&gt;" in await person.text("/mandaten/18DS")
