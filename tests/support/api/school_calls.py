"""A hub with a small register, called as a school, and shorthands for requests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hub.clock import now, today
from hub.domain.system import System
from hub.store.register import write_systems
from schemas.identifiers import Oin
from tests.support.api.client import client_of
from tests.support.register.schools import BuiltSchool, add_schools

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Connection, Pool
    from tests.support.api.client import Client, Reply

ONE, OTHER = "00000099000000001000", "00000099000000002000"
R1, R2 = "0000000700018DS00001", "0000000700018DS00002"


def day(shift: int = 0) -> str:
    """Return a day by its distance from today."""
    return (today(now()) + timedelta(days=shift)).isoformat()


async def open_hub(pool: Pool, folder: Path, **settings: str) -> Client:
    """Return a client of a hub with a small register."""
    async with pool.acquire() as c:
        await fill_register(c)
    return client_of(folder, pool, **settings)


async def fill_register(c: Connection) -> None:
    """Enter a school of four branches, another school of another board, and two systems."""
    branches = {"00": "a", "01": "b", "02": "c", "03": "d"}
    await add_schools(
        c,
        BuiltSchool(brin="18DS", name="De Boog", branches=branches),
        BuiltSchool(brin="00AA", name="De Eerste", board="41775", branches={"00": "De Eerste"}),
    )
    for oin, name in ((ONE, "Een"), (OTHER, "Ander")):
        system = System(supplier_oin=Oin(oin), name=name, service_codes=frozenset({"VVA", "RIO"}))
        await write_systems(c, [system])


def mandate_request(**changes: Any) -> dict[str, Any]:
    """Return the body of a request for a mandate."""
    return {"brin": "18DS", "serviceCode": "VVA", "supplierOin": ONE, **changes}


def codes(reply: Reply) -> list[tuple[str, str]]:
    """Return field and code of each error."""
    return [(error["field"], error["code"]) for error in reply.json["errors"]]


async def patch(client: Client, path: str, body: object, version: int | None) -> Reply:
    """Patch a mandate in a version."""
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return await client.call("PATCH", path, body, headers=headers)


async def publish(pool: Pool) -> None:
    """Publish pending events under the next positions of the log, as the relay does."""
    await pool.execute(
        """with done as (delete from event_outbox returning id, brin, number)
           insert into published_events
           select (select coalesce(max(position), 0) from published_events) + row_number() over (order by id),
                                   brin, number, now() from done"""
    )
