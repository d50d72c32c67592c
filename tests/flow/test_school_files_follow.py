"""A newer file of schools on a real database: effects on mandates."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hub import register
from hub.errors import InvalidInput
from hub.store.mandates import MandateFilter, MandateScope, mandate_views
from schemas.identifiers import BgeCode, Brin
from tests.support.register.school_files import BEFORE, FOUR, NEXT, codes, po, school, settle_in, take, without
from tests.support.register.small_register import OTHER, at, grant, log, request

if TYPE_CHECKING:
    from hub.store.pool import Connection


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a register with the schools of an earlier file of po, and two systems."""
    await settle_in(connection)
    return connection


async def bodies(c: Connection, brin: str) -> list[dict[str, Any]]:
    """Read the data of a school's events, in order."""
    rows = await c.fetch("select body from events where brin = $1 order by number", brin)
    return [orjson.loads(row["body"]) for row in rows]


async def test_a_closed_schools_mandates_end_and_its_successor_gets_none(c: Connection) -> None:
    """A closing ends running and future mandates of the school; its successor gets none."""
    running = await grant(c, request(OTHER, brin=Brin("00ZA")))
    later = await grant(c, request(brin=Brin("00ZA"), start=date(2027, 8, 1)))
    heir = await grant(c, request(brin=Brin("01ZA")))
    after = {**BEFORE, "01ZA": ("41561", {"01ZA00": "School 01ZA", "01ZA01": "School 00ZA"})}
    del after["00ZA"]
    done = await take(c, po(after), NEXT)
    assert (done.events, done.ended) == (3, 2)
    ended = [body for body in await bodies(c, "00ZA") if body["changes"] != ["granted"]]
    assert [(body["state"], body["changes"]) for body in ended] == [("withdrawn", ["withdrawn"])] * 2
    assert {body["mandateId"] for body in ended} == {str(running.id), str(later.id)}
    assert await c.fetchval("select count(*) from mandates where withdrawn_at = $1", NEXT.now) == 2
    assert [row["id"] for row in await c.fetch("select id from mandates where brin = '01ZA'")] == [heir.id]
    assert [kind for _, kind, _ in await log(c, "01ZA")] == ["granted", "amended"]
    assert (await bodies(c, "01ZA"))[-1]["changes"] == ["branches"]
    with pytest.raises(InvalidInput) as refused:
        await grant(c, request(brin=Brin("00ZA"), start=NEXT.today), NEXT)
    assert [error.code for error in refused.value.errors] == ["school_closed"]


async def test_an_end_that_came_before_the_file_is_told_as_what_it_is(c: Connection) -> None:
    """A mandate that ended before its school closed is expired, not withdrawn."""
    await grant(c, request(brin=Brin("00ZA"), end=date(2026, 11, 30)))
    await take(c, without("00ZA"), NEXT)
    assert [kind for _, kind, _ in await log(c, "00ZA")] == ["granted", "expired"]


async def test_a_school_that_reappears_opens_again_without_its_mandates(c: Connection) -> None:
    """A reopened school has no mandates; new ones may start from that day."""
    await grant(c, request(brin=Brin("00ZA")))
    await take(c, without("00ZA"), NEXT)
    done = await take(c, po(BEFORE), at(date(2026, 12, 2)))
    assert (codes(done.difference.reopened), done.difference.branches_reopened, done.events) == (["00ZA"], (), 0)
    assert (await school(c, "00ZA")).open_branches(date(2026, 12, 2)) == ("00ZA00",)
    assert [kind for _, kind, _ in await log(c, "00ZA")] == ["granted", "withdrawn"]
    await grant(c, request(brin=Brin("00ZA"), start=date(2026, 12, 2)), at(date(2026, 12, 2)))


async def test_a_branch_that_closes_and_opens_changes_what_mandates_cover(c: Connection) -> None:
    """A routed branch ends when it closes and is granted when it opens; the rest is amended."""
    mandate = await grant(c, request(branches=(("18DS02", None), ("18DS03", None))))  # type: ignore[arg-type]
    less = {**BEFORE, "18DS": ("41561", {b: n for b, n in FOUR.items() if b not in ("18DS01", "18DS02")})}
    await take(c, po(less), NEXT)
    await take(c, po(BEFORE), at(date(2026, 12, 2)))
    assert (await log(c))[1:] == [
        (2, "amended", [("18DS02", "withdrawn"), ("18DS03", "amended"), ("", "amended")]),
        (3, "amended", [("18DS02", "granted"), ("18DS03", "amended"), ("", "amended")]),
    ]
    (_, closed, opened) = await bodies(c, "18DS")
    assert closed["changes"] == opened["changes"] == ["branches"]
    assert [branch["branch"] for branch in closed["branches"]] == ["18DS00", "18DS03"]
    assert {b["branch"]: b["routingId"] for b in opened["branches"]}["18DS02"] == mandate.routes["18DS02"]  # type: ignore[index]


async def test_another_board_is_told_once_per_living_mandate(c: Connection) -> None:
    """A move to another board is one event per mandate in force."""
    gone = await grant(c, request(OTHER))
    await register.withdraw(c, gone.id, at())
    kept = await grant(c, request())
    ahead = await grant(c, request(OTHER, start=date(2027, 8, 1)))
    done = await take(c, po({**BEFORE, "18DS": ("42635", {**FOUR, "18DS07": "h"})}), NEXT)
    told = [body for body in await bodies(c, "18DS") if "board" in body["changes"]]
    assert {(body["mandateId"], body["bgeCode"], tuple(body["changes"])) for body in told} == {
        (str(kept.id), "42635", ("board", "branches")),
        (str(ahead.id), "42635", ("board", "branches")),
    }
    assert done.events == len(told) == 2


async def test_a_move_alone_changes_the_board_and_nothing_else(c: Connection) -> None:
    """A move alone changes `board` and is sent to every announced unit."""
    await grant(c, request())
    await take(c, po({**BEFORE, "18DS": ("42635", FOUR)}), NEXT)
    assert [(b["changes"], b["bgeCode"], b["mandateVersion"]) for b in await bodies(c, "18DS")] == [
        (["granted"], "41561", 1),
        (["board"], "42635", 2),
    ]
    assert (await log(c))[1:] == [(2, "amended", [("", "amended")])]


async def test_the_new_board_sees_what_was_and_the_old_one_does_not(c: Connection) -> None:
    """The current board may read all mandates of a school; the former one none."""
    gone = await grant(c, request(OTHER))
    await register.withdraw(c, gone.id, at())

    async def seen_by(board: str) -> int:
        scope = MandateScope(bges=[BgeCode(board)])
        return len(await mandate_views(c, MandateFilter(brin=Brin("18DS")), scope, 10))

    assert (await seen_by("41561"), await seen_by("42635")) == (1, 0)
    await take(c, po({**BEFORE, "18DS": ("42635", FOUR)}), NEXT)
    assert (await seen_by("41561"), await seen_by("42635")) == (0, 1)
