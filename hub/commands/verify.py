"""`osr-hub verify`: check the ledger from independent sources. Exit code 1 when a rule is violated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from aiokafka.errors import KafkaError

from hub.clock import now
from hub.commands.database import run_query
from hub.commands.output import print_json, print_line, print_table, progress_bar
from hub.errors import Unavailable
from hub.kafka.offsets import open_offset_client
from hub.kafka.reach import find_fault
from hub.observe.books import check_ledger
from hub.recovery.lost import resend_lost, whole_topic
from hub.store import lost
from hub.store.notifications import notify
from hub.views.books import show_books

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.domain.delivery import Status
    from hub.recovery.lost import LossReport
    from hub.settings import Settings
    from hub.store.pool import Connection
    from hub.views.books import AccountBody, BooksBody

app = typer.Typer()


AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Repair = Annotated[
    bool, typer.Option("--repair", help="First read DUO's queues, and send the current state of what they lost again.")
]


@app.command()
def verify(*, as_json: AsJson = False, repair: Repair = False) -> None:
    """Check in one snapshot that nothing was lost, doubled, skipped, miscounted or left behind."""

    async def read(c: Connection, settings: Settings) -> tuple[list[LossReport], BooksBody]:
        losses = await _repair(c, settings) if repair else []
        with progress_bar("checking the ledger") as progress:
            return losses, show_books(await check_ledger(c, now(), progress))

    losses, books = run_query(read)
    if repair:
        for line in _repaired(losses):
            print_line(line, is_error=as_json)
    if as_json:
        print_json(books)
    else:
        _print_check(books)
    if not books.ok:
        raise typer.Exit(1)


async def _repair(c: Connection, settings: Settings) -> list[LossReport]:
    """Compare unreported messages with DUO's broker, and send lost ones again."""
    options = settings.duo_kafka.client_options()
    try:
        async with open_offset_client(options) as offset_client:
            queues = await lost.queues(c)
            there = await offset_client.read_topic_offsets([queue.topic for queue in queues])
            found = [
                await resend_lost(c, offset_client, queue, whole_topic(there[queue.topic]), now=now(), process=0)
                for queue in queues
                if queue.topic in there
            ]
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(
            f"DUO's Kafka cannot be read: {await find_fault(options, error)}",
            next_step="`osr-hub doctor` says what is wrong with it; what was repaired before stays repaired.",
        ) from error
    await notify(c, "lanes")
    return [loss for loss in found if loss is not None]


def _repaired(losses: Sequence[LossReport]) -> Iterator[str]:
    for loss in losses:
        yield (
            f"{loss.queue.name}: {loss.messages} messages that {loss.queue.topic} took are not on it any more; "
            f"the current state of {loss.sent_again} units goes out again, marked replayof"
        )
    if not losses:
        yield "DUO's queues have everything that they took and that DUO has said nothing of"


def _print_check(books: BooksBody) -> None:
    used = [status for status in books.destinations[0].statuses if any(a.statuses[status] for a in books.destinations)]
    columns = ("destination", "planned", *(status.replace("_", " ") for status in used), "archived", "difference")
    print_table(f"{books.events} events", columns, [_row(account, used) for account in books.destinations])
    if books.violations:
        rows = [
            (v.rule, v.destination or "-", v.brin or "-", str(v.delivery_id or "-"), v.detail) for v in books.violations
        ]
        print_table("what is wrong", ("rule", "destination", "brin", "delivery", "detail"), rows)
    print_line(
        "the ledger is consistent" if books.ok else f"the ledger is inconsistent: {len(books.violations)} violations"
    )


def _row(account: AccountBody, used: Sequence[Status]) -> tuple[str, ...]:
    counts = (str(account.statuses[status]) for status in used)
    return (account.destination, str(account.planned), *counts, str(account.archived), str(account.difference))
