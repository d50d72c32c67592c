"""Changes of concurrent requests: one transaction for all, and none of them feels the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import asyncpg
import pytest

from hub import register
from hub.api import changes
from hub.api.changes import ChangeGroups
from hub.errors import Conflict, InvalidInput, TooManyChanges
from hub.register import Author, DateChange
from hub.store import chain
from hub.store.pool import open_pool
from schemas.identifiers import Brin
from tests.support.register.schools import add_schools, small_schools
from tests.support.register.small_register import BRIN, OTHER, at, fill, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hub.register import GrantRequest, SchoolChange
    from hub.store.decisions import LockedRegister
    from hub.store.mandates import MandateView
    from hub.store.pool import Pool
    from hub.store.wakeups import Notifier

SCHOOLS = [Brin(f"0{n}AA") for n in range(1, 6)]
PATIENCE = 1.0
TOGETHER = ["BEGIN;", "select token,", "with mandate", "COMMIT;"]


@dataclass
class Bell:
    """Counts notifications."""

    rung: int = 0

    def notify(self) -> None:
        """Count one."""
        self.rung += 1


@dataclass
class Entrance:
    """The way in of a process, on a pool of one connection, and what it asks of the database."""

    pool: Pool
    bell: Bell = field(default_factory=Bell)
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.groups = ChangeGroups(self.pool, cast("Notifier", self.bell))

    async def make(self, *wanted: SchoolChange) -> list[MandateView | BaseException]:
        """Make changes at the same moment, and return what becomes of each."""
        return await asyncio.gather(*(self.groups.make(each) for each in wanted), return_exceptions=True)


@pytest.fixture
async def entrance(database: str) -> AsyncIterator[Entrance]:
    """Give the way in to a register of some schools; what it asks is recorded from here on."""
    pool = await open_pool(database, name="test", max_size=2)
    entrance = Entrance(pool)
    async with pool.acquire() as c:
        await fill(c)
        await add_schools(c, *small_schools(SCHOOLS))
    await entrance.make(prepare(request(brin=Brin("00AA"))))
    entrance.bell.rung = 0
    async with pool.acquire() as c, pool.acquire() as d:
        for each in (c, d):
            each.add_query_logger(lambda record: entrance.statements.append(" ".join(record.query.split()[:2])))
    yield entrance
    await pool.close()


@pytest.fixture
async def other(database: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Give a connection of who holds a school meanwhile."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def prepare(wanted: GrantRequest, subject: str = "jansen", per_hour: int = 0) -> SchoolChange:
    """Prepare a grant by somebody."""
    return register.prepare_grant(wanted, at(), Author(subject=subject, changes_per_hour=per_hour))


def of_each(brins: Sequence[Brin]) -> list[SchoolChange]:
    """Prepare a grant of each school, each by somebody else."""
    return [prepare(request(brin=brin), f"of {brin}") for brin in brins]


def kinds(outcomes: Sequence[MandateView | BaseException]) -> list[str]:
    """Return the school of each mandate, or the kind of each error."""
    return [type(each).__name__ if isinstance(each, BaseException) else each.mandate.brin for each in outcomes]


async def broken_entries(pool: Pool) -> list[str]:
    """Return what does not fit in the audit."""
    async with pool.acquire() as c, c.transaction(isolation="repeatable_read"):
        return [each.detail for each in await chain.find_broken(c, 10)]


async def test_changes_of_several_schools_are_one_transaction(entrance: Entrance) -> None:
    """Five changes cost what one costs, are told once, and each stands in the audit under its own author."""
    entrance.statements.clear()
    assert kinds(await entrance.make(*of_each(SCHOOLS))) == SCHOOLS
    await asyncio.sleep(0)  # the driver tells of a statement in the next turn of the loop
    assert (entrance.statements, entrance.bell.rung) == (TOGETHER, 1)
    written = await entrance.pool.fetch(
        """select a.brin, p.subject from audit a join people p on p.pseudonym::text = a.actor
            where a.brin = any($1) order by a.brin""",
        SCHOOLS,
    )
    assert [(row["brin"], row["subject"]) for row in written] == [(brin, f"of {brin}") for brin in SCHOOLS]
    assert await broken_entries(entrance.pool) == []


async def test_who_is_answered_together_asks_together(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next changes of those who were answered are one transaction, though they come one after the other."""
    monkeypatch.setattr(changes, "GATHER_SECONDS", PATIENCE)
    await entrance.make(*of_each(SCHOOLS[:2]))
    entrance.statements.clear()
    asked = []
    for change in of_each(SCHOOLS[2:4]):
        asked.append(asyncio.create_task(entrance.make(change)))
        for _ in range(10):
            await asyncio.sleep(0)
    assert [kinds(await each) for each in asked] == [[SCHOOLS[2]], [SCHOOLS[3]]]
    await asyncio.sleep(0)
    assert entrance.statements == TOGETHER


async def test_who_asks_alone_waits_for_nobody(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that was made by itself is followed at once; behind a group nobody waits longer than a moment."""
    monkeypatch.setattr(changes, "GATHER_SECONDS", float("inf"))
    for brin in SCHOOLS[:2]:
        assert kinds(await entrance.make(*of_each([brin]))) == [brin]
    monkeypatch.setattr(changes, "GATHER_SECONDS", 0.0)
    await entrance.make(*of_each(SCHOOLS[2:4]))
    assert kinds(await entrance.make(*of_each(SCHOOLS[4:]))) == SCHOOLS[4:]


async def test_a_refused_change_disturbs_no_other(entrance: Entrance) -> None:
    """Who asks for too much, for what is there, or too often is refused, and the others are made."""
    await entrance.make(prepare(request(brin=SCHOOLS[1])))
    busy = prepare(request(OTHER, brin=SCHOOLS[1]), per_hour=1)
    wrong = prepare(request(brin=Brin("00BB")))
    again = prepare(request(brin=Brin("00AA")))
    outcomes = await entrance.make(*of_each(SCHOOLS[:1]), busy, wrong, again, *of_each(SCHOOLS[2:3]))
    assert kinds(outcomes) == [
        SCHOOLS[0], TooManyChanges.__name__, InvalidInput.__name__, Conflict.__name__, SCHOOLS[2],
    ]  # fmt: skip
    assert await entrance.pool.fetchval("select count(*) from mandates") == 4
    assert await broken_entries(entrance.pool) == []


async def test_an_unknown_school_or_mandate_is_said_to_be_so(entrance: Entrance) -> None:
    """What no group finds is looked for by itself, and refused with the same words as ever."""
    gone = register.prepare_withdrawal(uuid4(), at(), Author(subject="jansen"), None)
    outcomes = await entrance.make(prepare(request(brin=Brin("99ZZ"))), gone, *of_each(SCHOOLS[:1]))
    assert kinds(outcomes) == ["InvalidInput", "NotFound", SCHOOLS[0]]


@pytest.mark.parametrize("held", ["schools where brin", "audit_heads where chain"])
async def test_nobody_waits_for_the_school_of_another(
    entrance: Entrance, other: asyncpg.Connection[Any], held: str
) -> None:
    """While a transaction holds a school or its chain the others of the group are committed; that one follows."""
    await other.execute("insert into audit_heads (chain) values ($1)", SCHOOLS[0])
    holding = other.transaction()
    await holding.start()
    await other.execute(f"select from {held} = $1 for update", SCHOOLS[0])
    changes = of_each(SCHOOLS)
    first = asyncio.create_task(entrance.groups.make(changes[0]))
    rest = await entrance.make(*changes[1:])
    assert (kinds(rest), first.done()) == (SCHOOLS[1:], False)
    await holding.commit()
    assert (await first).mandate.brin == SCHOOLS[0]


async def test_changes_of_one_school_follow_each_other(entrance: Entrance) -> None:
    """The same mandate twice and an amendment, all at once: each sees what the one before it left."""
    view = (await entrance.make(prepare(request(brin=SCHOOLS[0]))))[0]
    assert not isinstance(view, BaseException)
    author = Author(subject="jansen")
    outcomes = await entrance.make(
        prepare(request(OTHER, brin=SCHOOLS[0])),
        prepare(request(OTHER, brin=SCHOOLS[0])),
        register.prepare_amendment(view.mandate.id, DateChange(end_date=at().today), at(), author, None),
    )
    assert kinds(outcomes).count("Conflict") == 1
    assert [name for name in kinds(outcomes) if name != "Conflict"] == [SCHOOLS[0]] * 2
    numbers = await entrance.pool.fetch("select number from events where brin = $1 order by number", SCHOOLS[0])
    assert [row["number"] for row in numbers] == list(range(1, len(numbers) + 1))
    assert await broken_entries(entrance.pool) == []


@pytest.mark.parametrize("is_fault_of_ours", [True, False])
async def test_a_change_that_fails_costs_its_caller_only(entrance: Entrance, *, is_fault_of_ours: bool) -> None:
    """Whether its decision breaks or the database refuses its rows, the others are made one by one."""
    good = prepare(request(brin=BRIN))

    def decide(locked: LockedRegister) -> Any:
        if is_fault_of_ours:
            raise RuntimeError
        view, service = good.decide(locked)
        assert service is not None
        service.place = replace(service.place, school=replace(service.place.school, counter=-1))
        return view, service

    poisoned = replace(good, decide=decide)
    outcomes = await entrance.make(*of_each(SCHOOLS[:2]), poisoned, *of_each(SCHOOLS[2:]))
    failed = "RuntimeError" if is_fault_of_ours else "CheckViolationError"
    assert kinds(outcomes) == [*SCHOOLS[:2], failed, *SCHOOLS[2:]]
    assert await entrance.pool.fetchval("select count(*) from events where brin = $1", BRIN) == 0
    assert await broken_entries(entrance.pool) == []


async def test_what_may_be_committed_is_not_made_again(entrance: Entrance, other: asyncpg.Connection[Any]) -> None:
    """When the connection is cut, every caller of the group is told so, and nothing was done twice."""
    changes = of_each(SCHOOLS)
    good = changes[0]

    def decide(locked: LockedRegister) -> Any:
        cut.append(asyncio.create_task(cut_others(other)))
        return good.decide(locked)

    cut: list[asyncio.Task[None]] = []
    outcomes = await entrance.make(replace(good, decide=decide), *changes[1:])
    await cut[0]
    counts = await other.fetch("select brin, count(*) as n from events where brin = any($1) group by brin", SCHOOLS)
    assert all(row["n"] == 1 for row in counts)
    assert all(isinstance(each, BaseException) for each in outcomes) or kinds(outcomes) == SCHOOLS
    later = [kinds(await entrance.make(*of_each([BRIN]))) for _ in range(3)]  # the pool meets each cut connection once
    assert [BRIN] in later


async def cut_others(c: asyncpg.Connection[Any]) -> None:
    """Cut all other connections to the database."""
    await c.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> "
        "pg_backend_pid()"
    )


async def test_a_request_that_is_gone_does_not_stop_the_others(entrance: Entrance) -> None:
    """Its change may be made; those that came with it are."""
    changes = of_each(SCHOOLS)
    leaving = asyncio.create_task(entrance.groups.make(changes[0]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert kinds(await entrance.make(*changes[1:])) == SCHOOLS[1:]
    assert kinds(await entrance.make(*of_each([BRIN]))) == [BRIN]
