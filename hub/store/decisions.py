"""What a decision on mandates needs. In: schools, or a mandate. Out: their locked rows, as one statement returns them.

Systems and services are kept in memory by the token that the same statement returns, which is another one after each
change of them: what is kept can be outdated, but it is never taken for what is there.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson

from hub.domain.mandate import Mandate, is_live
from hub.domain.school import School, SchoolBranch
from hub.domain.system import References, Service
from hub.store.register import system_of, units_of
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hub.store.audit import Head
    from hub.store.pool import Connection
    from schemas.identifiers import Brin

MOST_KEPT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """Schools to lock, and the school of a mandate; on which day, and who decides when.

    With a subject the heads of the schools' audit chains are locked too.
    """

    at: datetime
    today: date
    brins: Collection[Brin] = ()
    mandate_id: UUID | None = None
    service_code: str | None = None
    """Only the mandates of this service, besides the one that is named; None is all."""
    subject: str | None = None
    """The subject of a token."""
    most_events: int = 0
    """How many events a school may have in an hour; 0 is no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSchool:
    """A locked school, and its mandates that are live or whose end has no event yet."""

    school: School
    mandates: Sequence[Mandate]
    paced_at: datetime | None
    """When the event was recorded that is the last but `most_events`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRegister:
    """The locked schools, and what a decision on their mandates refers to."""

    schools: Mapping[Brin, LockedSchool]
    target: Mandate | None
    """The mandate that was named, whatever its state."""
    references: References
    author: str
    """The subject's name in records; empty without a subject."""
    heads: dict[str, Head]


async def lock_register(c: Connection, wanted: LockRequest) -> LockedRegister:
    """Lock schools until the transaction ends and return what a decision needs; unknown schools are left out."""
    rows = await _lock(c, [wanted], only_free=False)
    found = [(row, _mandates(row["mandates"])) for row in rows]
    named = (each for _, mandates in found for each in mandates if each.id == wanted.mandate_id)
    return LockedRegister(
        schools={row["brin"]: _locked(row, mandates, wanted.today) for row, mandates in found},
        target=next(named, None),
        references=await _references(c, rows[0]["token"] if rows else None),
        author=str(rows[0]["pseudonyms"][0]) if rows and wanted.subject is not None else "",
        heads={row["brin"]: (row["length"], row["seal"]) for row in rows if row["seal"] is not None},
    )


async def lock_registers(c: Connection, wanted: Sequence[LockRequest]) -> list[LockedRegister | None]:
    """Lock a school for each request until the transaction ends and return what each decision needs, in their order.

    All are for the same day, of one school each, and have a subject. None for a school that is unknown, that another
    transaction holds, or that an earlier one of these requests has: nothing waits for a school.
    """
    rows = {row["brin"]: row for row in await _lock(c, wanted, only_free=True)}
    references = await _references(c, next((row["token"] for row in rows.values()), None))
    mandates = {brin: _mandates(row["mandates"]) for brin, row in rows.items()}
    schools_of = {each.id: brin for brin, of_school in mandates.items() for each in of_school}
    found: list[LockedRegister | None] = []
    for nth, each in enumerate(wanted):
        brin = next(iter(each.brins)) if each.mandate_id is None else schools_of.get(each.mandate_id)
        row = None if brin is None else rows.pop(brin, None)
        if row is None:
            found.append(None)
            continue
        of_school = mandates[row["brin"]]
        locked = LockedRegister(
            schools={row["brin"]: _locked(row, of_school, each.today)},
            target=next((mandate for mandate in of_school if mandate.id == each.mandate_id), None),
            references=references,
            author=str(row["pseudonyms"][nth]),
            heads={row["brin"]: (row["length"], row["seal"])},
        )
        found.append(locked)
    return found


async def _lock(c: Connection, wanted: Sequence[LockRequest], *, only_free: bool) -> Sequence[Mapping[str, Any]]:
    first = wanted[0]
    rows: Sequence[Mapping[str, Any]] = await queries.lock_register(
        c,
        brins=[brin for each in wanted for brin in each.brins],
        mandate_ids=[each.mandate_id for each in wanted if each.mandate_id is not None],
        service_code=first.service_code,
        today=first.today,
        subjects=[each.subject for each in wanted if each.subject is not None],
        at=first.at,
        most_events=first.most_events,
        only_free=only_free,
    )
    return rows


def _locked(row: Mapping[str, Any], mandates: Sequence[Mandate], today: date) -> LockedSchool:
    branches = orjson.loads(row["branches"]) if row["branches"] else []
    school = School(
        brin=row["brin"],
        name=row["name"],
        bge_code=row["bge_code"],
        counter=row["counter"],
        closed_on=row["closed_on"],
        osr_agreement=row["osr_agreement"],
        vva_agreement=row["vva_agreement"],
        branches=tuple(
            SchoolBranch(branch=branch, name=name, closed_on=_day(closed_on)) for branch, name, closed_on in branches
        ),
    )
    living = [each for each in mandates if is_live(each, today) or (each.next_date and each.withdrawn_at is None)]
    return LockedSchool(school=school, mandates=living, paced_at=row["paced_at"])


def _mandates(text: str | None) -> list[Mandate]:
    return [] if text is None else [_mandate(each) for each in orjson.loads(text)]


def _mandate(given: Mapping[str, Any]) -> Mandate:
    return Mandate(
        id=UUID(given["id"]),
        brin=given["brin"],
        service_code=given["service_code"],
        supplier_oin=given["supplier_oin"],
        system_code=given["system_code"],
        start_date=date.fromisoformat(given["start_date"]),
        end_date=_day(given["end_date"]),
        version=given["version"],
        units=units_of(given["units"]),
        routes=given["routes"] or {},
        next_date=_day(given["next_date"]),
        copied_from=UUID(given["copied_from"]) if given["copied_from"] else None,
        created_at=datetime.fromisoformat(given["created_at"]),
        updated_at=datetime.fromisoformat(given["updated_at"]),
        withdrawn_at=datetime.fromisoformat(given["withdrawn_at"]) if given["withdrawn_at"] else None,
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


_kept: OrderedDict[UUID, References] = OrderedDict()


async def _references(c: Connection, token: UUID | None) -> References:
    """Return the systems and services that are known by this token, or those that are there."""
    known = None if token is None else _kept.get(token)
    if known is not None:
        return known
    row = await queries.read_references(c)
    found = References(
        systems={each["system_code"]: system_of(each) for each in orjson.loads(row["systems"] or "[]")},
        services={each["code"]: Service(**each) for each in orjson.loads(row["services"] or "[]")},
    )
    _kept[row["token"]] = found
    if len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return found
