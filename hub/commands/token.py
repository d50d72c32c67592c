"""`osr-hub token`: a development token, alone on standard output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from hub.access import Caller, Role
from hub.access.development import issue
from hub.clock import now
from hub.commands.output import print_line
from hub.errors import ConfigurationError
from hub.settings import load
from schemas.identifiers import InvalidIdentifier, parse_bge_code, parse_brin, parse_oin, parse_system_code

Id = TypeVar("Id", bound=str)
app = typer.Typer()


@app.command()
def token(
    role: Annotated[list[Role], typer.Option(help="What the bearer is.")],
    brin: Annotated[list[str] | None, typer.Option(help="A school the bearer administers.")] = None,
    bge: Annotated[list[str] | None, typer.Option(help="A board the bearer administers.")] = None,
    oin: Annotated[list[str] | None, typer.Option(help="A supplier the bearer speaks for.")] = None,
    system: Annotated[list[str] | None, typer.Option(help="A system of that supplier; left out: all of them.")] = None,
) -> None:
    """Make a token that is believed for 24 hours by a hub with the same development key."""
    auth = load().auth
    if auth.issuer is not None or auth.development_keyfile is None:
        raise ConfigurationError(
            "tokens come from a real issuer here" if auth.issuer else "there is no development key here",
            next_step="Development tokens are made where OSR_HUB_AUTH__DEVELOPMENT_KEYFILE is set (`osr-hub up` does).",
        )
    caller = Caller(
        subject=" ".join(["development", *role, *(brin or ()), *(bge or ()), *(oin or ()), *(system or ())]),
        roles=frozenset(role),
        brins=_read(parse_brin, brin, "--brin"),
        bges=_read(parse_bge_code, bge, "--bge"),
        oins=_read(parse_oin, oin, "--oin"),
        systems=_read(parse_system_code, system, "--system") if system else None,
    )
    print_line(issue(auth.development_keyfile, caller, now=now(), audience=auth.audience))


def _read(parse: Callable[[str], Id], given: list[str] | None, option: str) -> frozenset[Id]:
    try:
        return frozenset(parse(text) for text in given or ())
    except InvalidIdentifier as fault:
        raise typer.BadParameter(str(fault), param_hint=option) from fault
