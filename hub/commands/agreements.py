"""`osr-hub agreements set|show BGE_CODE`: what a board signed; its schools' mandates need it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hub.access import COMMAND_LINE, Actor
from hub.clock import now
from hub.commands.database import run_change
from hub.commands.options import Reason
from hub.commands.output import print_line
from hub.operations import agreements
from hub.operations.agreements import Agreement, Signature
from schemas.identifiers import InvalidIdentifier, parse_bge_code

if TYPE_CHECKING:
    from hub.settings import Settings
    from hub.store.pool import Connection
    from schemas.identifiers import BgeCode

app = typer.Typer(no_args_is_help=True)
Board = Annotated[str, typer.Argument(help="The board's five digits.")]


class SignedAnswer(StrEnum):
    """Whether the board signed."""

    YES = "yes"
    NO = "no"


@app.command(name="set")
def set_(
    bge_code: Board,
    agreement: Annotated[Agreement, typer.Argument(help="The register's agreement, or that of VVA.")],
    answer: Annotated[SignedAnswer, typer.Argument(help="Whether the board signed it.")],
    *,
    reason: Reason,
) -> None:
    """Record what a board signed; existing mandates stay as they are."""
    signature = Signature(
        bge_code=_board(bge_code),
        agreement=agreement,
        is_signed=answer is SignedAnswer.YES,
    )

    async def work(c: Connection, _settings: Settings) -> dict[Agreement, bool]:
        return await agreements.record_signature(c, Actor(caller=COMMAND_LINE, at=now(), reason=reason), signature)

    _print_agreements(bge_code, run_change(work, ()))


@app.command()
def show(bge_code: Board) -> None:
    """Show what a board signed."""
    board = _board(bge_code)

    async def work(c: Connection, _settings: Settings) -> dict[Agreement, bool]:
        return await agreements.lock_agreements(c, board)

    _print_agreements(bge_code, run_change(work, ()))


def _board(text: str) -> BgeCode:
    try:
        return parse_bge_code(text)
    except InvalidIdentifier as fault:
        raise typer.BadParameter(str(fault), param_hint="BGE_CODE") from fault


def _print_agreements(bge_code: str, signed: dict[Agreement, bool]) -> None:
    for name, is_signed in signed.items():
        print_line(f"board {bge_code}: {name.value} {'signed' if is_signed else 'not signed'}")
