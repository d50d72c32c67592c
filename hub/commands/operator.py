"""Who gives a command. In: a token, in a file or in `OSR_HUB_TOKEN`. Out: its bearer, or the command line itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.access import COMMAND_LINE, Actor, Caller, Role
from hub.access.rules import require_role
from hub.clock import now

if TYPE_CHECKING:
    from hub.settings import Settings

VARIABLE: Final = "OSR_HUB_TOKEN"
TokenFile = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        allow_dash=True,
        help=f"A file with a token of yours, `-` for standard input; or else {VARIABLE} holds one.",
    ),
]


def has_token(token_file: Path | None) -> bool:
    """Return whether a token says who acts."""
    return token_file is not None or bool(os.environ.get(VARIABLE, "").strip())


async def identify_operator(settings: Settings, token_file: Path | None) -> Caller:
    """Return who acts: the bearer of a token with the role of operations, or the command line itself."""
    if not has_token(token_file):
        return COMMAND_LINE
    from hub.access.verify import verifier_for  # noqa: PLC0415 - a command without a token does not need it

    caller = await verifier_for(settings).verify(read_token(token_file))
    require_role(caller, Role.OPERATIONS)
    return caller


async def identify_actor(settings: Settings, token_file: Path | None, reason: str) -> Actor:
    """Return who acts now, for a reason."""
    return Actor(caller=await identify_operator(settings, token_file), at=now(), reason=reason)


def read_token(token_file: Path | None) -> str:
    """Return the token that says who acts."""
    if token_file is None:
        return os.environ[VARIABLE].strip()
    return (sys.stdin.read() if str(token_file) == "-" else token_file.read_text(encoding="utf-8")).strip()
