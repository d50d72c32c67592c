"""Histories of one school, made at random and repeatable: what a school, a calendar and files may do to it.

In: an empty register, and dice. Out: a register and its log after so many steps.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from hub import register
from hub.errors import Conflict, InvalidInput
from hub.imports import SchoolImportOptions, ToAccept, import_mandates, import_schools, import_systems
from hub.register import DateChange, GrantRequest, moment
from hub.store.register import living_mandates
from schemas.identifiers import Branch, Brin, Oin, ServiceCode
from tests.support.register.schools import school_csv

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from hub.register import Moment
    from hub.store.pool import Connection

BRIN, VVA = Brin("18DS"), ServiceCode("VVA")
BRANCHES: Final = tuple(Branch(f"18DS0{n}") for n in range(4))
SUPPLIERS: Final = tuple(Oin(f"0000009900000000{n}000") for n in (1, 2, 3))
CLOSING: Final = SchoolImportOptions(accepted=ToAccept(closures=9))


async def open_school(c: Connection) -> None:
    """Give a register one school of four branches, and three systems."""
    at = moment(datetime(2026, 11, 1, 9, tzinfo=UTC))
    await import_schools(c, school_file(BRANCHES), at)
    systems = "".join(f"{oin};S;VVA\n" for oin in SUPPLIERS)
    await import_systems(c, f"supplier_oin;system_name;service_codes\n{systems}".encode(), at)


def school_file(branches: Iterable[Branch], board: str = "41561") -> bytes:
    """Write a file of the school with these branches."""
    return school_csv((board, branch, "x") for branch in branches)


class History:
    """Does at random what a school, a calendar and a file may do; what is refused changes nothing."""

    def __init__(self, c: Connection, seed: int) -> None:
        self._c = c
        self._dice = Random(seed)  # noqa: S311 - a repeatable history
        self._now = datetime(2026, 11, 23, 22, tzinfo=UTC)

    @property
    def at(self) -> Moment:
        """The moment it is in this history."""
        return moment(self._now)

    async def step(self) -> None:
        """Do one thing."""
        self._now += timedelta(seconds=1)
        doing = self._dice.choice(
            [self._grant, self._amend, self._withdraw, self._route, self._unroute, self._pass, self._change_school]
        )
        transaction = self._c.transaction()
        await transaction.start()
        try:
            await doing()
        except (Conflict, InvalidInput):
            await transaction.rollback()
        else:
            await transaction.commit()

    async def _grant(self) -> None:
        today, is_file = self.at.today, self._dice.random() < 0.5
        start = today + timedelta(days=self._dice.randrange(-2 if is_file else 0, 3))
        end = self._dice.choice([None, max(start, today) + timedelta(days=self._dice.randrange(4))])
        supplier, branch = self._dice.choice(SUPPLIERS), self._dice.choice(BRANCHES)
        if not is_file:
            wish = GrantRequest(brin=BRIN, service_code=VVA, supplier_oin=supplier, start_date=start, end_date=end)
            await register.grant(self._c, wish, self.at)
            return
        rows = [f"{BRIN};VVA;{supplier};{start};{end or ''};{self._dice.choice([branch, ''])};"]
        if supplier != SUPPLIERS[0] and self._dice.random() < 0.5:
            rows.append(f"{BRIN};VVA;{SUPPLIERS[0]};{start};;;")
        header = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"
        await import_mandates(self._c, (header + "\n".join(rows)).encode(), self.at)

    async def _amend(self) -> None:
        end = self._dice.choice([None, self.at.today + timedelta(days=self._dice.randrange(5))])
        start = self.at.today + timedelta(days=self._dice.randrange(3))
        patch = self._dice.choice(
            [DateChange(end_date=end), DateChange(start_date=start), DateChange(start_date=start, end_date=end)]
        )
        for mandate_id in await self._some():
            await register.amend(self._c, mandate_id, patch, self.at)

    async def _withdraw(self) -> None:
        for mandate_id in await self._some():
            await register.withdraw(self._c, mandate_id, self.at)

    async def _route(self) -> None:
        for mandate_id in await self._some():
            await register.assign_routing(self._c, mandate_id, self._dice.choice(BRANCHES), None, self.at)

    async def _unroute(self) -> None:
        rows = await self._c.fetch("select r.* from routes r join mandates m on m.id = r.mandate_id"
                                   " order by m.created_at, r.branch")  # fmt: skip
        if rows:
            row = self._dice.choice(rows)
            await register.remove_routing(self._c, row["mandate_id"], row["branch"], self.at)

    async def _pass(self) -> None:
        self._now += timedelta(hours=self._dice.randrange(1, 60))
        if self._dice.random() < 0.3:
            return  # the calendar was down
        await register.arrive(self._c, await register.due(self._c, self.at.today, 10), self.at)

    async def _change_school(self) -> None:
        branches = self._dice.sample(BRANCHES, self._dice.randrange(1, 5))
        await import_schools(
            self._c, school_file(branches, self._dice.choice(["41561", "42635"])), self.at, options=CLOSING
        )

    async def _some(self) -> list[UUID]:
        living = await living_mandates(self._c, [BRIN], self.at.today)
        return [self._dice.choice(living).id] if living else []
