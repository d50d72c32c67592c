"""The body of the ledger check, as `osr-hub verify --json` prints it."""

from typing import Any
from uuid import UUID

from pydantic import model_serializer

from hub.domain.delivery import Status
from hub.observe.books import LedgerCheck, Rule
from hub.views.models import CamelModel, Moment


class AccountBody(CamelModel):
    """What was planned for a destination, with one field per status."""

    destination: str
    planned: int
    statuses: dict[Status, int]
    archived: int
    difference: int

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        counts = {status.value: n for status, n in self.statuses.items()}
        return {
            "destination": self.destination,
            "planned": self.planned,
            **counts,
            "archived": self.archived,
            "difference": self.difference,
        }


class ViolationBody(CamelModel):
    """A rule that does not hold, and where."""

    rule: Rule
    destination: str | None
    brin: str | None
    delivery_id: UUID | None
    detail: str


class BooksBody(CamelModel):
    """The result of a check of the ledger."""

    ok: bool
    at: Moment
    ledger_epoch: int
    events: int
    destinations: list[AccountBody]
    violations: list[ViolationBody]


def show_books(books: LedgerCheck) -> BooksBody:
    """Return the body of a check of the ledger."""
    return BooksBody(
        ok=books.ok,
        at=books.at,
        ledger_epoch=books.ledger_epoch,
        events=books.events,
        destinations=[
            AccountBody(
                destination=each.destination,
                planned=each.planned,
                statuses=dict(each.statuses),
                archived=each.archived,
                difference=each.difference,
            )
            for each in books.accounts
        ],
        violations=[ViolationBody.model_validate(each) for each in books.violations],
    )
