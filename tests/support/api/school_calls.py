"""A hub with a small register, called as a school, and short words for what tests ask of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hub.clock import now, today
from hub.store.register import System, write_systems
from schemas.identifiers import Oin
from tests.support.api.client import client_of

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Connection, Pool
    from tests.support.api.client import Client, Reply

ONE, OTHER = "00000099000000001000", "00000099000000002000"
R1, R2 = "0000000700018DS00001", "0000000700018DS00002"


def day(shift: int = 0) -> str:
    """Write a day by its distance from today."""
    return (today(now()) + timedelta(days=shift)).isoformat()


async def open_hub(pool: Pool, folder: Path, **settings: str) -> Client:
    """Make a hub with a small register."""
    async with pool.acquire() as c:
        await fill_register(c)
    return client_of(folder, pool, **settings)


async def fill_register(c: Connection) -> None:
    """Enter a school of four branches, another school of another board, and two systems."""
    await c.execute(
        """
        insert into boards (bge_code, name) values ('41561', null), ('41775', null);
        insert into schools (brin, name, bge_code, sector) values
          ('18DS', 'De Boog', '41561', 'po'), ('00AA', 'De Eerste', '41775', 'po');
        insert into branches (branch, brin, name) values ('18DS00', '18DS', 'a'), ('18DS01', '18DS', 'b'),
          ('18DS02', '18DS', 'c'), ('18DS03', '18DS', 'd'), ('00AA00', '00AA', 'De Eerste');
        """
    )
    for oin, name in ((ONE, "Een"), (OTHER, "Ander")):
        system = System(supplier_oin=Oin(oin), name=name, service_codes=frozenset({"VVA", "RIO"}))
        await write_systems(c, [system])


def mandate_request(**changes: Any) -> dict[str, Any]:
    """Make the body of a request for a mandate."""
    return {"brin": "18DS", "serviceCode": "VVA", "supplierOin": ONE, **changes}


def codes(reply: Reply) -> list[tuple[str, str]]:
    """Show what is wrong, field by field."""
    return [(error["field"], error["code"]) for error in reply.json["errors"]]


async def patch(client: Client, path: str, body: object, version: int | None) -> Reply:
    """Change a mandate in a version."""
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return await client.call("PATCH", path, body, headers=headers)
