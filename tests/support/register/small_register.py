"""A register of a few schools and two systems, and short functions for what tests do with it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from hub import register
from hub.domain.system import System
from hub.register import GrantRequest, moment
from hub.store.register import write_systems
from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode
from tests.support.register.schools import BuiltSchool, add_schools

if TYPE_CHECKING:
    from hub.domain.mandate import Mandate
    from hub.register import Moment
    from hub.store.pool import Connection

MORNING = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
TODAY = date(2026, 11, 23)
ONE, OTHER = Oin("00000099000000001000"), Oin("00000099000000002000")
VVA, RIO = ServiceCode("VVA"), ServiceCode("RIO")
BRIN = Brin("18DS")
B0, B1, B2, B3 = (Branch(f"18DS0{n}") for n in range(4))
R1, R2, R3 = (RoutingId(f"0000000700018DS0000{n}") for n in (1, 2, 3))


async def fill(connection: Connection) -> None:
    """Enter a school of four branches, one of one, a closed one, one without agreement, and two systems."""
    await connection.execute("insert into boards (bge_code, vva_agreement) values ('40000', false)")
    await add_schools(
        connection,
        BuiltSchool(
            brin="18DS",
            name="De Boog",
            branches={"00": "a", "01": "b", "02": "c", "03": "d"},
            closed_branches={"09": ("e", date(2026, 1, 1))},
        ),
        BuiltSchool(brin="00AA", name="De Eerste", board="41775", branches={"00": "De Eerste"}),
        BuiltSchool(brin="00BB", name="De Dichte", board="41775", closed_on=date(2026, 8, 1), branches={}),
        BuiltSchool(brin="00CC", name="Zonder", board="40000", sector="vo", branches={"00": "Zonder"}),
    )
    systems = [
        System(supplier_oin=ONE, name="Een", service_codes=frozenset({VVA, RIO})),
        System(supplier_oin=OTHER, name="Ander", service_codes=frozenset({VVA})),
    ]
    await write_systems(connection, systems)


def at(day: date | None = None) -> Moment:
    """Make the moment of a test: a November morning, or the same hour on another day."""
    shift = timedelta() if day is None else day - TODAY
    return moment(MORNING + shift, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def request(
    supplier: Oin = ONE,
    *,
    start: date = TODAY,
    end: date | None = None,
    branches: tuple[tuple[Branch, RoutingId | None], ...] = (),
    brin: Brin = BRIN,
) -> GrantRequest:
    """Make a request for VVA."""
    return GrantRequest(
        brin=brin, service_code=VVA, supplier_oin=supplier, start_date=start, end_date=end, branches=branches
    )


async def grant(c: Connection, wanted: GrantRequest, when: Moment | None = None) -> Mandate:
    """Grant in a transaction of its own."""
    async with c.transaction():
        return (await register.grant(c, wanted, when or at())).mandate


async def log(c: Connection, brin: str = BRIN) -> list[tuple[int, str, list[tuple[str, str]]]]:
    """Return a school's events: number, type, and the messages of units."""
    rows = await c.fetch(
        "select number, type::text as type, units::text as units from events where brin = $1 order by number", brin
    )
    return [(r["number"], r["type"], [(u["branch"], u["type"]) for u in orjson.loads(r["units"])]) for r in rows]
