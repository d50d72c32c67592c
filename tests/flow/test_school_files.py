"""A newer file of schools on a real database: additions, renames, closings, reopenings and moves."""

from __future__ import annotations

import asyncio
import time
from datetime import date
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from hub.domain.difference import Difference
from hub.imports import NeedsAcceptance, import_schools
from hub.store.register import lock_schools
from schemas.identifiers import Brin
from tests.support.register.school_files import BEFORE, FOUR, GAPS, NEXT, codes, po, school, settle_in, take, vo
from tests.support.register.schools import BuiltSchool, add_schools
from tests.support.register.small_register import at, grant, request

if TYPE_CHECKING:
    from hub.store.pool import Connection


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a register with the schools of an earlier file of po, and two systems."""
    await settle_in(connection)
    return connection


async def everything(c: Connection) -> list[list[tuple[Any, ...]]]:
    """Read all that a file of schools may touch."""
    tables = ("boards", "schools", "branches", "mandates", "events", "event_outbox")
    return [[tuple(row) for row in await c.fetch(f"select * from {table} order by 1, 2")] for table in tables]  # noqa: S608 - our own names


async def test_a_newer_file_says_all_that_differs(c: Connection) -> None:
    """New, renamed, closed and moved schools and branches are listed apart."""
    after = {
        **BEFORE,
        "18DS": ("41561", {"18DS00": "A", "18DS01": "b", "18DS03": "d", "18DS04": "e"}),
        "11OA": ("42635", GAPS),
        "22XY": ("42635", {"22XY01": "Nieuw"}),
    }
    del after["00ZA"]
    done = await take(c, po(after), NEXT)
    assert done.difference == Difference(
        added=done.difference.added,
        renamed=done.difference.renamed,
        closed=done.difference.closed,
        moved=done.difference.moved,
        branches_added=done.difference.branches_added,
        branches_renamed=done.difference.branches_renamed,
        branches_closed=done.difference.branches_closed,
    )
    assert [(e.code, e.before, e.after) for e in done.difference.renamed] == [("18DS", "a", "A")]
    assert [(e.code, e.before, e.after) for e in done.difference.branches_renamed] == [("18DS00", "a", "A")]
    assert [(e.code, e.before, e.after) for e in done.difference.moved] == [("11OA", "42634", "42635")]
    assert [(e.code, e.name) for e in done.difference.added] == [("22XY", "Nieuw")]
    assert codes(done.difference.branches_added) == ["18DS04"]
    assert [(e.code, e.name) for e in done.difference.closed] == [("00ZA", "School 00ZA")]
    assert codes(done.difference.branches_closed) == ["18DS02"]
    assert (done.created, done.changed, done.unchanged) == (1, 3, 99)
    assert (await school(c, "00ZA")).closed_on == NEXT.today
    assert (await school(c, "18DS")).open_branches(NEXT.today) == ("18DS00", "18DS01", "18DS03", "18DS04")


async def test_the_same_file_again_has_no_difference_and_no_events(c: Connection) -> None:
    """The same file again writes nothing, in po and vo, after closings and on a later day."""
    await grant(c, request())
    left = {brin: told for brin, told in BEFORE.items() if brin != "00ZA"}
    for data in (po(left), vo({"02VB": ("40011", {"02VB04": "Noord", "02VB02": "Zuid"})})):
        await take(c, data, NEXT)
        before = await everything(c)
        done = await take(c, data, at(date(2027, 1, 1)))
        assert (done.difference, done.created, done.changed, done.events) == (Difference(), 0, 0, 0)
        assert await everything(c) == before


async def test_a_dry_run_shows_the_same_and_writes_nothing(c: Connection) -> None:
    """A dry run reports what the import does, and writes nothing."""
    await grant(c, request(brin=Brin("00ZA")))
    await grant(c, request())
    data = po({brin: told for brin, told in BEFORE.items() if brin != "00ZA"} | {"18DS": ("40001", FOUR)})
    before = await everything(c)
    async with c.transaction(readonly=True):
        shown = await take(c, data, NEXT, dry_run=True)
    assert await everything(c) == before
    assert await take(c, data, NEXT) == shown
    assert (shown.events, shown.ended) == (2, 1)


async def test_a_file_speaks_for_its_own_sector_only(c: Connection) -> None:
    """A file of vo closes nothing of po, and the other way round."""
    await take(c, vo({"02VB": ("40011", {"02VB04": "Noord"}), "03VC": ("40011", {"03VC01": "x"})}), at())
    await take(c, po(BEFORE), NEXT)
    assert (await school(c, "02VB")).closed_on is None
    without = vo({"02VB": ("40011", {"02VB04": "Noord"})}).replace(b"HAVO/VWO", b"")
    done = await take(c, without, NEXT, accepted=1)
    assert (done.sector, codes(done.difference.closed)) == ("vo", ["03VC"])
    assert (await school(c, "18DS")).closed_on is None


async def test_what_two_sectors_list_closes_when_both_leave_it_out(c: Connection) -> None:
    """A school of two sectors closes when both files omit it; name and board come from its own sector."""
    both = {"18DS": ("49999", {"18DS00": "Iets anders", "18DS20": "Havo"})}
    done = await take(c, vo(both), at())
    assert (codes(done.difference.branches_added), done.difference.moved, done.difference.renamed) == (
        ["18DS20"],
        (),
        (),
    )
    assert (await take(c, po(BEFORE), NEXT)).difference == Difference()
    gone = {brin: told for brin, told in BEFORE.items() if brin != "18DS"}
    done = await take(c, po(gone), NEXT, accepted=9)
    assert (done.difference.closed, codes(done.difference.branches_closed)) == ((), ["18DS01", "18DS02", "18DS03"])
    done = await take(c, vo({"03VC": ("40011", {"03VC01": "x"})}), NEXT, accepted=1)
    assert codes(done.difference.closed) == ["18DS"]


async def test_only_what_a_file_brought_is_closed_by_a_file(c: Connection) -> None:
    """Schools and branches that no file ever listed are not closed."""
    await add_schools(c, BuiltSchool(brin="00AA", name="Hand", branches={"00": "Hand"}))
    await c.execute("insert into branches (branch, brin, name) values ('18DS09', '18DS', 'z')")
    assert (await take(c, po(BEFORE), NEXT)).difference == Difference()
    assert (await school(c, "00AA")).closed_on is None
    assert "18DS09" in (await school(c, "18DS")).open_branches(NEXT.today)


async def test_more_than_two_percent_needs_to_be_accepted(c: Connection) -> None:
    """Closing more than two percent needs acceptance with a number that is high enough."""
    rest = list(BEFORE)[:-3]
    three = po({brin: BEFORE[brin] for brin in rest})
    before = await everything(c)
    for accepted in (0, 2):
        with pytest.raises(NeedsAcceptance) as refused:
            await take(c, three, NEXT, accepted=accepted)
        assert refused.value.to_accept.closures == 3
        assert "--accept-closures 3" in str(refused.value)
    assert await everything(c) == before
    assert (await take(c, three, NEXT, dry_run=True)).to_accept.closures == 3
    two = await take(c, po({brin: BEFORE[brin] for brin in list(BEFORE)[:-2]}), NEXT)
    assert (len(two.difference.closed), two.to_accept.closures) == (2, 0)
    assert len((await take(c, three, NEXT, accepted=7)).difference.closed) == 1


async def test_a_file_of_main_branches_only_does_not_close_the_others_by_itself(c: Connection) -> None:
    """The limit counts branches too."""
    only = {brin: (board, dict([next(iter(branches.items()))])) for brin, (board, branches) in BEFORE.items()}
    with pytest.raises(NeedsAcceptance) as refused:
        await take(c, po(only), NEXT)
    assert refused.value.to_accept.closures == 5
    done = await take(c, po(only), NEXT, part=True)
    assert done.difference == Difference()
    assert codes((await take(c, po(only), NEXT, accepted=5)).difference.branches_closed) == [
        "11OA03", "11OA04", "18DS01", "18DS02", "18DS03",
    ]  # fmt: skip


async def test_what_a_board_signed_outlives_its_name(c: Connection) -> None:
    """The agreements of a board survive a new name."""
    named = po(BEFORE).replace(b"TELEFOONNUMMER", b"BEVOEGD GEZAG NAAM")
    await take(c, named.replace(b"0261234567", b"Stichting Een"), at())
    await c.execute("update boards set vva_agreement = false where bge_code = '41561'")
    done = await take(c, named.replace(b"0261234567", b"Stichting Twee"), NEXT)
    assert [(e.code, e.before, e.after) for e in done.difference.boards_renamed] == [
        ("41561", "Stichting Een", "Stichting Twee"),
        ("42634", "Stichting Een", "Stichting Twee"),
    ]
    assert await c.fetchval("select vva_agreement from boards where bge_code = '41561'") is False
    assert (await take(c, po(BEFORE), NEXT)).difference == Difference()


async def test_two_files_at_once_take_turns(c: Connection, database: str) -> None:
    """Concurrent imports are serialized."""
    await grant(c, request())
    data = po({**BEFORE, "18DS": ("42635", FOUR)})

    async def one() -> int:
        mine = await asyncpg.connect(database)
        try:
            return (await take(mine, data, NEXT)).events
        finally:
            await mine.close()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group, c.transaction():
        await lock_schools(c, ["18DS"])
        files = [group.create_task(one()) for _ in range(3)]
        while await c.fetchval("select count(*) from pg_locks where not granted") < len(files):
            await asyncio.sleep(0.01)
    assert sorted(file.result() for file in files) == [0, 0, 1]


async def test_a_change_that_waited_for_a_file_finds_the_school_at_its_new_board(c: Connection, database: str) -> None:
    """A change that waited for an import reads the school after it."""
    mine = await asyncpg.connect(database)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group, c.transaction():
        await import_schools(c, po({**BEFORE, "18DS": ("42635", FOUR)}), NEXT)
        granted = group.create_task(grant(mine, request(start=NEXT.today), NEXT))
        while not await c.fetchval("select count(*) from pg_locks where not granted"):
            await asyncio.sleep(0.01)
    await mine.close()
    assert granted.result().version == 1
    assert "42635" in await c.fetchval("select body from events where brin = '18DS'")


async def test_a_national_file_is_compared_in_a_moment(connection: Connection) -> None:
    """A national file is compared within seconds."""
    nation = {f"{n % 100:02d}{chr(65 + n // 100 % 26)}{chr(65 + n // 2600)}": n for n in range(6096)}
    schools = {
        b: (f"{40000 + n % 824}", {f"{b}0{i}": f"School {n}" for i in range(2 if n < 119 else 1)})
        for b, n in nation.items()
    }
    seconds = []
    first, second = (
        po(schools),
        po({**dict(list(schools.items())[1:]), "01AA": ("49999", schools["01AA"][1])}),
    )
    for data in (first, first, second):
        began = time.perf_counter()
        await take(connection, data, at())
        seconds.append(round(time.perf_counter() - began, 2))
    print(f"\n6,215 branches: new, again, with two changes: {seconds} s")
    assert await connection.fetchval("select count(*) from branches") == 6215
    assert await connection.fetchval("select count(*) from schools where closed_on is not null") == 1
