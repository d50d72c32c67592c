"""`osr-hub agreements set|show BGE_CODE`: what a board signed; without it no new mandates of its schools are taken."""

from __future__ import annotations

import asyncio
from typing import Annotated

import asyncpg
import typer

from hub.errors import FieldError, InvalidInput, NotFound, Place
from hub.settings import load
from hub.store import imports
from schemas.identifiers import BGE_CODE

app = typer.Typer(no_args_is_help=True)
Board = Annotated[str, typer.Argument(help="The board's five digits.")]


@app.command(name="set")
def set_(
    bge_code: Board,
    osr: Annotated[bool | None, typer.Option("--osr/--no-osr", help="The agreement for the register.")] = None,
    vva: Annotated[bool | None, typer.Option("--vva/--no-vva", help="The agreement for VVA.")] = None,
) -> None:
    """Note what a board signed; mandates that it gave before stay as they are."""
    _tell(bge_code, osr=osr, vva=vva)


@app.command()
def show(bge_code: Board) -> None:
    """Say what a board signed."""
    _tell(bge_code, osr=None, vva=None)


def _tell(bge_code: str, *, osr: bool | None, vva: bool | None) -> None:
    if BGE_CODE.pattern.fullmatch(bge_code) is None:
        detail = f"{bge_code!r} is not {BGE_CODE.kind}: expected {BGE_CODE.expected}"
        raise InvalidInput([FieldError(in_=Place.QUERY, field="BGE_CODE", code="form", detail=detail)])
    signs = asyncio.run(_write(load().database.url, bge_code, osr=osr, vva=vva))
    for name, signed in zip(("osr", "vva"), signs, strict=True):
        print(f"board {bge_code}: {name} {'signed' if signed else 'not signed'}")


async def _write(dsn: str, bge_code: str, *, osr: bool | None, vva: bool | None) -> tuple[bool, bool]:
    c = await asyncpg.connect(dsn)
    try:
        after = await imports.write_agreements(c, bge_code, osr=osr, vva=vva)
    finally:
        await c.close()
    if after is None:
        raise NotFound(f"no board {bge_code} in the register")
    return after
