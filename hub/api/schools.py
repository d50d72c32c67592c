"""`/v1/boards`, `/v1/schools`: what mandates are about. Out: what the register knows of them."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from hub.access import Caller
from hub.access.rules import school_scope
from hub.api.auth import CallerHere
from hub.api.parameters import PagingHere
from hub.api.state import ConnectionHere
from hub.domain.school import School
from hub.errors import NotFound
from hub.store import mandates, register
from hub.store.mandates import SchoolFilter
from hub.store.pool import Connection
from hub.views.models import CamelModel, Items
from schemas.identifiers import BgeCodeField, BrinField, school_oin

router = APIRouter(tags=["schools"])


class SchoolBody(CamelModel):
    """A school."""

    brin: str
    school_oin: str
    name: str
    bge_code: str
    sector: str
    closed_on: date | None


class LocationBody(CamelModel):
    """A branch of a school."""

    branch: str
    name: str
    closed_on: date | None


class NamedSchool(CamelModel):
    """A school of a board."""

    brin: str
    name: str


class BoardBody(CamelModel):
    """A board, what it signed, and its schools."""

    bge_code: str
    name: str | None
    osr_agreement: bool
    vva_agreement: bool
    schools: list[NamedSchool]


@router.get("/boards/{bge_code}")
async def get_board(bge_code: BgeCodeField, c: ConnectionHere, caller: CallerHere) -> BoardBody:
    """Read a board with its schools."""
    board = await mandates.board(c, bge_code)
    schools = await mandates.list_schools(c, SchoolFilter(bge_code=bge_code), school_scope(caller), 1000)
    if board is None or not (schools or school_scope(caller).everything):
        raise NotFound(f"no board {bge_code}")
    named = [NamedSchool(brin=row["brin"], name=row["name"]) for row in schools]
    return BoardBody(
        bge_code=board["bge_code"],
        name=board["name"],
        osr_agreement=board["osr_agreement"],
        vva_agreement=board["vva_agreement"],
        schools=named,
    )


@router.get("/schools")
async def list_schools(
    c: ConnectionHere,
    caller: CallerHere,
    paging: PagingHere,
    brin: Annotated[BrinField | None, Query()] = None,
    bge_code: Annotated[BgeCodeField | None, Query(alias="bgeCode")] = None,
    name: Annotated[
        str | None,
        Query(max_length=200, description="A part of the name; one or two characters: the beginning of a word in it."),
    ] = None,
) -> Items[SchoolBody]:
    """List schools; a school or board sees its own."""
    after = paging.after(str)
    selected = SchoolFilter(brin=brin, bge_code=bge_code, name=name, after=None if after is None else after[0])
    found = await mandates.list_schools(c, selected, school_scope(caller), paging.limit + 1)
    return paging.page(
        found,
        lambda row: (str(row["brin"]),),
        lambda row: SchoolBody(**dict(row), school_oin=school_oin(row["brin"])),
    )


@router.get("/schools/{brin}")
async def get_school(brin: BrinField, c: ConnectionHere, caller: CallerHere) -> SchoolBody:
    """Read a school."""
    found = await mandates.list_schools(c, SchoolFilter(brin=brin), school_scope(caller), 1)
    if not found:
        raise NotFound(f"no school {brin}")
    return SchoolBody(**dict(found[0]), school_oin=school_oin(brin))


@router.get("/schools/{brin}/branches")
async def list_branches(brin: BrinField, c: ConnectionHere, caller: CallerHere) -> Items[LocationBody]:
    """List the branches of a school."""
    school = await _school(c, brin, caller)
    return Items(items=[LocationBody.model_validate(each) for each in school.branches], next=None)


async def _school(c: Connection, brin: BrinField, caller: Caller) -> School:
    if not await mandates.list_schools(c, SchoolFilter(brin=brin), school_scope(caller), 1):
        raise NotFound(f"no school {brin}")
    return (await register.read_schools(c, [brin]))[brin]
