"""`osr-hub verify`: the books, from sides that do not know of each other. Exit code 1 when they are not right."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from aiokafka.errors import KafkaError

from hub.api.books_models import show_books
from hub.clock import now
from hub.commands.asking import ask, show_json, show_table
from hub.errors import Unavailable
from hub.extents import asking
from hub.observe.books import verify as do_the_books
from hub.recovery.lost import send_again, whole
from hub.store import lost
from hub.store.wake import ring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.api.books_models import AccountBody, BooksBody
    from hub.domain.delivery import Status
    from hub.recovery.lost import Loss
    from hub.settings import Settings
    from hub.store.pool import Connection

app = typer.Typer()


AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Repair = Annotated[
    bool, typer.Option("--repair", help="First read DUO's queues, and send the current state of what they lost again.")
]


@app.command()
def verify(*, as_json: AsJson = False, repair: Repair = False) -> None:
    """Check in one snapshot that nothing was lost, doubled, skipped, miscounted or left behind."""

    async def read(c: Connection, settings: Settings) -> tuple[list[Loss], BooksBody]:
        losses = await _repair(c, settings) if repair else []
        return losses, show_books(await do_the_books(c, now()))

    losses, books = ask(read)
    if repair:
        for line in _repaired(losses):
            print(line, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        show_json(books)
    else:
        _tell(books)
    if not books.ok:
        raise typer.Exit(1)


async def _repair(c: Connection, settings: Settings) -> list[Loss]:
    """Look for each unreported message on DUO's broker itself."""
    try:
        async with asking(settings.duo_kafka.client_options()) as asker:
            queues = await lost.queues(c)
            there = await asker.extents([queue.topic for queue in queues])
            found = [
                await send_again(c, asker, queue, whole(there[queue.topic]), now=now(), process=0)
                for queue in queues
                if queue.topic in there
            ]
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(
            f"DUO's Kafka cannot be read: {error or type(error).__name__}",
            next_step="`osr-hub doctor` says what is wrong with it; what was repaired before stays repaired.",
        ) from error
    await ring(c, "lanes")
    return [loss for loss in found if loss is not None]


def _repaired(losses: Sequence[Loss]) -> Iterator[str]:
    for loss in losses:
        yield (
            f"{loss.queue.name}: {loss.messages} messages that {loss.queue.topic} took are not on it any more; "
            f"the current state of {loss.sent_again} units goes out again, marked replayof"
        )
    if not losses:
        yield "DUO's queues have everything that they took and that DUO has said nothing of"


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
