"""Decisions on what a process has in memory, and on what it waits for: they are made on what is there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson
import pytest

from hub import register
from hub.domain.system import System
from hub.errors import InvalidInput
from hub.register import Author
from hub.store import decisions
from hub.store.decisions import LockRequest
from hub.store.register import rename_service, write_systems
from schemas.identifiers import Brin
from tests.support.register.small_register import (
    B1,
    BRIN,
    MORNING,
    ONE,
    OTHER,
    R1,
    RIO,
    TODAY,
    VVA,
    at,
    fill,
    grant,
    request,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.register import GrantRequest
    from hub.store.pool import Connection


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a connection to a small register, and a memory of its systems and services."""
    await fill(connection)
    await grant(connection, request())
    return connection


@pytest.fixture
async def other(database: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Give a connection of who changes something meanwhile."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def codes(caught: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    """Return the codes of all faults."""
    return [each.code for each in caught.value.errors]


async def reads(c: Connection) -> list[str]:
    """Read what a decision needs, and return the statements that this took."""
    seen: list[str] = []

    def note(record: Any) -> None:
        seen.append(record.query.split()[0])

    c.add_query_logger(note)
    async with c.transaction():
        await decisions.lock_register(c, LockRequest(at=MORNING, today=TODAY, brins=[BRIN]))
    await asyncio.sleep(0)  # the driver tells of a statement in the next turn of the loop
    c.remove_query_logger(note)
    return seen


async def test_systems_and_services_are_read_again_only_when_they_changed(c: Connection) -> None:
    """One statement is enough until a system, a service or a contact changes; then another one reads them once."""
    assert await reads(c) == ["BEGIN;", "select", "COMMIT;"]
    changes = (
        "update systems set contact_phone = '1' where name = 'Een'",
        "update services set shown_as = 'x' where code = 'VVA'",
        "insert into services (code, shown_as) values ('NIEUW', 'Nieuw')",
        "delete from services where code = 'NIEUW'",
    )
    for change in changes:
        await c.execute(change)
        assert await reads(c) == ["BEGIN;", "select", "select", "COMMIT;"]
        assert await reads(c) == ["BEGIN;", "select", "COMMIT;"]


async def test_a_change_that_is_undone_leaves_no_trace_in_memory(c: Connection) -> None:
    """What a transaction saw of its own changes is not taken for what is there once they are rolled back."""
    undone = c.transaction()
    await undone.start()
    await c.execute("update systems set name = 'Never'")
    found = await decisions.lock_register(c, LockRequest(at=MORNING, today=TODAY, brins=[BRIN]))
    assert set(found.references.names.values()) == {"Never"}
    await undone.rollback()
    async with c.transaction():
        found = await decisions.lock_register(c, LockRequest(at=MORNING, today=TODAY, brins=[BRIN]))
    assert set(found.references.names.values()) == {"Een", "Ander"}


async def test_a_memory_is_never_decided_on_when_it_is_outdated(c: Connection, other: asyncpg.Connection[Any]) -> None:
    """A system that offers a service no more gets no mandate for it, and a new name is told."""
    await write_systems(other, [System(supplier_oin=OTHER, name="Ander", service_codes=frozenset({RIO}))])
    with pytest.raises(InvalidInput) as caught:
        await grant(c, request(OTHER))
    assert codes(caught) == ["service_not_offered"]
    await write_systems(other, [System(supplier_oin=OTHER, name="Anders", service_codes=frozenset({VVA}))])
    view = await register.grant(c, request(OTHER), at())
    assert view.system_name == "Anders"
    told = await c.fetchval("select body from events where mandate_id = $1", view.mandate.id)
    assert orjson.loads(told)["systemName"] == "Anders"
    await rename_service(other, "VVA", "Anders genoemd")
    found = await decisions.lock_register(c, LockRequest(at=MORNING, today=TODAY, brins=[BRIN]))
    assert found.references.services["VVA"].shown_as == "Anders genoemd"


WAITS = "select exists (select from pg_locks where not granted and locktype in ('transactionid', 'tuple'))"
MEANWHILE = {
    "the school closes": ("update schools set closed_on = '2026-01-01' where brin = '18DS'", "school_closed"),
    "its board withdraws an agreement": (
        "update boards set vva_agreement = false where bge_code = (select bge_code from schools where brin = '18DS')",
        "no_agreement",
    ),
    "the school moves to a board without agreement": (
        "update schools set bge_code = '40000' where brin = '18DS'",
        "no_agreement",
    ),
    "the branch closes": ("update branches set closed_on = '2026-01-01' where branch = '18DS01'", "branch_closed"),
    "the system offers it no more": (
        "update systems set service_codes = '{RIO}' where name = 'Ander'",
        "service_not_offered",
    ),
}


@pytest.mark.parametrize(("change", "code"), list(MEANWHILE.values()), ids=list(MEANWHILE))
async def test_what_changed_while_a_decision_waited_for_the_school_counts(
    c: Connection, other: asyncpg.Connection[Any], change: str, code: str
) -> None:
    """The lock is waited for first and everything is read afterwards, though it is one statement."""
    holding = other.transaction()
    await holding.start()
    await other.execute("select from schools where brin = '18DS' for update")
    granting = asyncio.create_task(grant(c, request(OTHER, branches=((B1, None),))))
    while not await other.fetchval(WAITS):
        await asyncio.sleep(0)
    await other.execute(change)
    await holding.commit()
    with pytest.raises(InvalidInput) as caught:
        await granting
    assert codes(caught) == [code]


async def test_routing_that_was_given_while_a_decision_waited_is_not_given_again(
    c: Connection, other: asyncpg.Connection[Any]
) -> None:
    """The next free characteristic is the second, and events follow each other."""
    holding = other.transaction()
    await holding.start()
    first = await register.grant(other, request(OTHER, branches=((B1, None),)), at())
    granting = asyncio.create_task(grant(c, rio()))
    while not await other.fetchval(WAITS):
        await asyncio.sleep(0)
    await holding.commit()
    assert (first.mandate.routes, len((await granting).routes)) == ({B1: R1}, 1)
    assert R1 not in (await granting).routes.values()
    numbers = [row["number"] for row in await c.fetch("select number from events where brin = '18DS' order by number")]
    assert numbers == list(range(1, len(numbers) + 1))


def rio() -> GrantRequest:
    """Make a request for another service of the same school."""
    return replace(request(ONE, branches=((B1, None),)), service_code=RIO)


async def test_two_new_authors_with_one_name_are_one_person(c: Connection, other: asyncpg.Connection[Any]) -> None:
    """Of two first changes at the same moment at two schools both are recorded under one pseudonym."""
    holding = other.transaction()
    await holding.start()
    await register.grant(other, request(OTHER), at(), Author(subject="new"))
    elsewhere = request(brin=Brin("00AA"))

    async def second() -> None:
        async with c.transaction():
            await register.grant(c, elsewhere, at(), Author(subject="new"))

    granting = asyncio.create_task(second())
    while not await other.fetchval(WAITS):
        await asyncio.sleep(0)
    await holding.commit()
    await granting
    assert await c.fetchval("select count(*) from people") == 1
    assert await c.fetchval("select count(distinct actor) from audit where action = 'mandate.granted'") == 1
