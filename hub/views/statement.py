"""The body of the statement of a month, for the API, the command line and the page; and its lines as CSV."""

import csv
from dataclasses import asdict
from io import StringIO

from hub.observe.statement import Party, Statement, StatementLine
from hub.views.models import CamelModel, Moment


class StatementLineBody(CamelModel):
    """What a party owed and did in a month; null where nothing is measured or promised.

    `inTime` counts what was done within `objectiveSeconds`, `share` is that of `done`, and `objectiveShare` the
    share that was promised.
    """

    party: Party
    destination: str | None
    owed: int
    done: int
    open: int
    in_time: int | None
    share: float | None
    objective_seconds: float | None
    objective_share: float | None
    p50_seconds: float | None
    p99_seconds: float | None
    failed_attempts: int | None
    refused_attempts: int | None
    given_up: int | None
    rejected: int | None
    with_signal: int | None
    unavailable_seconds: float | None
    circuit_open_seconds: float | None
    held_seconds: float | None


class StatementBody(CamelModel):
    """What each party owed and took in a month, for the messages of changes that were recorded in it."""

    month: str
    since: Moment
    until: Moment
    is_over: bool
    messages: int
    repeats: int
    cancelled: int
    lines: list[StatementLineBody]


class StatementProgressBody(CamelModel):
    """How many parts of a statement are made, and of how many."""

    month: str
    done: int
    of: int


def show_statement(statement: Statement) -> StatementBody:
    """Return the body of a statement."""
    return StatementBody(
        month=statement.month,
        since=statement.since,
        until=statement.until,
        is_over=statement.is_over,
        messages=statement.messages,
        repeats=statement.repeats,
        cancelled=statement.cancelled,
        lines=[_line(each) for each in statement.lines],
    )


def write_csv(body: StatementBody) -> str:
    """Write the lines as CSV, with a header."""
    out = StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(["month", *StatementLineBody.model_fields])
    for line in body.lines:
        writer.writerow([body.month, *("" if value is None else value for value in line.model_dump().values())])
    return out.getvalue()


def _line(line: StatementLine) -> StatementLineBody:
    return StatementLineBody(**asdict(line), share=line.share)
