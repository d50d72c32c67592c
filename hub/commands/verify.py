"""`osr-hub verify`: the books, from sides that do not know of each other. Exit code 1 when they are not right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.api.books_models import show_books
from hub.clock import now
from hub.commands.asking import ask, show_json, show_table
from hub.observe.books import verify as do_the_books

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.api.books_models import AccountBody, BooksBody
    from hub.domain.delivery import Status
    from hub.settings import Settings
    from hub.store.pool import Connection

app = typer.Typer()


@app.command()
def verify(*, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Check in one snapshot that nothing was lost, doubled, skipped, miscounted or left behind."""

    async def read(c: Connection, _settings: Settings) -> BooksBody:
        return show_books(await do_the_books(c, now()))

    books = ask(read)
    if as_json:
        show_json(books)
    else:
        _tell(books)
    if not books.ok:
        raise typer.Exit(1)


def _tell(books: BooksBody) -> None:
    used = [status for status in books.destinations[0].statuses if any(a.statuses[status] for a in books.destinations)]
    columns = ("destination", "planned", *(status.replace("_", " ") for status in used), "archived", "difference")
    show_table(f"{books.events} events", columns, [_row(account, used) for account in books.destinations])
    if books.violations:
        rows = [
            (v.rule, v.destination or "-", v.brin or "-", str(v.delivery_id or "-"), v.detail) for v in books.violations
        ]
        show_table("what is wrong", ("rule", "destination", "brin", "delivery", "detail"), rows)
    print("the books are right" if books.ok else f"the books are wrong: {len(books.violations)} violations")


def _row(account: AccountBody, used: Sequence[Status]) -> tuple[str, ...]:
    counts = (str(account.statuses[status]) for status in used)
    return (account.destination, str(account.planned), *counts, str(account.archived), str(account.difference))
