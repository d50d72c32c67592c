"""A file of po closes schools of its own kinds only, and many withdrawals need acceptance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.domain.difference import Difference
from hub.errors import InvalidInput
from hub.imports import NeedsAcceptance
from schemas.identifiers import Brin
from tests.support.register.school_files import (
    BEFORE,
    NEXT,
    codes,
    po,
    school,
    settle_in,
    special,
    take,
    without,
)
from tests.support.register.small_register import OTHER, at, grant, request

if TYPE_CHECKING:
    from hub.store.pool import Connection

SBO = {f"{n:02d}SB": ("26000", {f"{n:02d}SB00": f"School {n}"}) for n in range(60)}
SO = {f"{n:02d}SO": ("26001", {f"{n:02d}SO00": f"School {n}"}) for n in range(60)}
SO_KINDS = dict.fromkeys(SO, "So") | {"00SO": "So/Vso", "01SO": "VSO"}


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a register with a file of bo, one of sbo, and two systems."""
    await settle_in(connection)
    await take(connection, special(SBO, {}), at())
    return connection


async def test_a_file_of_bo_leaves_the_schools_of_the_file_of_sbo_alone(c: Connection) -> None:
    """A file of bo closes no sbo school, and the other way round."""
    await grant(c, request(brin=Brin("00SB")))
    done = await take(c, po(BEFORE), NEXT)
    assert (done.kinds, done.difference, done.events, done.ended) == (("bo",), Difference(), 0, 0)
    assert (await school(c, "00SB")).closed_on is None
    assert await c.fetchval("select withdrawn_at from mandates") is None
    again = await take(c, special(SBO, {}), NEXT)
    assert (again.kinds, again.sector, again.difference) == (("sbo",), "po", Difference())
    assert (await school(c, "18DS")).closed_on is None


async def test_a_file_closes_what_it_leaves_out_of_its_own_kinds(c: Connection) -> None:
    """A file closes schools of its kinds that it omits; a file of so covers so and vso."""
    await take(c, special(SO, SO_KINDS), at())
    fewer = {brin: told for brin, told in SBO.items() if brin != "07SB"}
    assert codes((await take(c, special(fewer, {}), NEXT)).difference.closed) == ["07SB"]
    so = {brin: told for brin, told in SO.items() if brin != "00SO"}
    done = await take(c, special(so, SO_KINDS), NEXT, accepted=1)
    assert (done.kinds, codes(done.difference.closed)) == (("so", "vso"), ["00SO"])
    assert await c.fetchval("select count(*) from schools where closed_on is not null") == 2


async def test_one_file_may_hold_several_kinds_and_a_school_may_change_its_kind(c: Connection) -> None:
    """A file covers every kind in it, and a school may change its kind."""
    both = {**SBO, **SO}
    kinds = {**SO_KINDS, "05SB": "So"}
    done = await take(c, special(both, kinds), NEXT)
    assert (done.kinds, done.difference.closed, done.created) == (("sbo", "so", "vso"), (), 60)
    assert await c.fetchval("select listed_in from schools where brin = '05SB'") == ["so"]
    assert await c.fetchval("select listed_in from schools where brin = '00SO'") == ["so", "vso"]
    left = {brin: told for brin, told in both.items() if brin != "05SB"}
    assert codes((await take(c, special(left, kinds), NEXT)).difference.closed) == ["05SB"]


async def test_a_row_of_an_unknown_kind_is_named_with_its_line(c: Connection) -> None:
    """A file with an unknown or missing kind is refused with each line."""
    with pytest.raises(InvalidInput) as refused:
        await take(c, special(SBO, {"01SB": "Hbo", "02SB": ""}), NEXT)
    assert [(error.field, error.code) for error in refused.value.errors] == [
        ("line 3, SOORT PRIMAIR ONDERWIJS", "unknown_kind"),
        ("line 4, SOORT PRIMAIR ONDERWIJS", "missing"),
    ]


async def test_two_percent_are_those_of_one_kind(c: Connection) -> None:
    """The limit of two percent counts the schools of one kind."""
    fewer = dict(list(SBO.items())[3:])
    with pytest.raises(NeedsAcceptance) as refused:
        await take(c, special(fewer, {}), NEXT)
    assert "more than 2 % of sbo" in str(refused.value)
    assert len((await take(c, special(fewer, {}), NEXT, accepted=3)).difference.closed) == 3


async def test_withdrawals_are_counted_by_mandate_and_system_and_many_need_a_word(c: Connection) -> None:
    """Six withdrawals need acceptance with a number that is high enough; five do not."""
    for supplier, brin in [(OTHER, "00ZA"), (OTHER, "01ZA")]:
        await grant(c, request(supplier, brin=Brin(brin)))
    for brin in ("00ZA", "01ZA", "02ZA", "03ZA"):
        await grant(c, request(brin=Brin(brin)))
    data = without("00ZA", "01ZA", "02ZA", "03ZA")
    shown = await take(c, data, NEXT, dry_run=True)
    assert (shown.ended, shown.to_accept.withdrawals) == (6, 6)
    assert sorted((each.system_name, each.brin) for each in shown.withdrawals) == [
        ("Ander", "00ZA"), ("Ander", "01ZA"),
        ("Een", "00ZA"), ("Een", "01ZA"), ("Een", "02ZA"), ("Een", "03ZA"),
    ]  # fmt: skip
    for accepted in (0, 5):
        with pytest.raises(NeedsAcceptance) as refused:
            await take(c, data, NEXT, accepted=9, withdrawals=accepted)
        assert "6 mandates would be withdrawn (Een: 4, Ander: 2)" in str(refused.value)
        assert "--accept-withdrawals 6" in str(refused.value)
    assert await c.fetchval("select count(*) from mandates where withdrawn_at is not null") == 0
    five = await take(c, without("00ZA", "01ZA", "02ZA"), NEXT, accepted=9)
    assert (five.ended, five.to_accept.withdrawals) == (5, 0)
    assert (await take(c, data, NEXT, accepted=9)).ended == 1
