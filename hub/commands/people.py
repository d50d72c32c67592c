"""`osr-hub people show|erase WHO`: pseudonyms of the audit and the subjects behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.clock import now
from hub.commands.database import ACTOR, run_change, run_query
from hub.commands.options import Reason
from hub.commands.output import print_line
from hub.errors import NotFound
from hub.store import audit, idempotency, people
from hub.store.audit import AuditEntry

if TYPE_CHECKING:
    from hub.settings import Settings
    from hub.store.people import Person
    from hub.store.pool import Connection

app = typer.Typer(no_args_is_help=True, help="People behind the pseudonyms of the audit.")
Who = Annotated[str, typer.Argument(help="The subject of a token, or a pseudonym.")]


@app.command()
def show(who: Who) -> None:
    """Show the pseudonym of a subject, or the subject of a pseudonym."""

    async def read(c: Connection, _settings: Settings) -> Person:
        return await _find_person(c, who)

    person = run_query(read)
    erased = "" if person.erased_at is None else f", erased {person.erased_at:%Y-%m-%d %H:%M:%S}"
    print_line(
        f"{person.pseudonym}: {person.subject or 'nobody any more'}, known since {person.since:%Y-%m-%d}{erased}"
    )


@app.command()
def erase(who: Who, *, reason: Reason) -> None:
    """Erase the subject of a pseudonym; audit entries and their chains stay."""

    async def work(c: Connection, _settings: Settings) -> Person:
        person, at = await _find_person(c, who), now()
        if person.subject is not None and await people.erase(c, person.pseudonym, at):
            await idempotency.forget_subject(c, person.subject)
            subject = {"pseudonym": person.pseudonym}
            await audit.write(c, AuditEntry(at=at, actor=ACTOR, action="person.erased", subject=subject, reason=reason))
        return person

    print_line(f"{run_change(work, ()).pseudonym} is nobody any more")


async def _find_person(c: Connection, who: str) -> Person:
    person = await people.find(c, who)
    if person is None:
        raise NotFound("nobody is known by that subject or pseudonym")
    return person
