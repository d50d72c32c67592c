"""Large writes of the register. In: the rows of a portion of a file. Out: new rows by COPY, the others by statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub.store import register
from hub.store.register import EventRow, RegisterRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.domain.mandate import Mandate
    from hub.store.pool import Connection

MANDATE_COLUMNS: Final = (
    "id", "brin", "service_code", "supplier_oin", "system_code", "start_date", "end_date", "version", "units",
    "next_date", "copied_from", "created_at", "updated_at", "withdrawn_at",
)  # fmt: skip
OUTBOX_COLUMNS: Final = ("brin", "number")


async def write_portion(c: Connection, rows: RegisterRows) -> None:
    """Write a large change as `register.write` does, what is new of it by COPY; schools are locked, nothing is audited.

    COPY takes rows as they are, where a parameter per column has each of its values looked at first.
    """
    begun = {row.mandate_id for row in rows.events if row.mandate_version == 1}
    new: list[tuple[Mandate, str]] = []
    known: list[tuple[Mandate, str]] = []
    for mandate, units in rows.mandates:
        (new if mandate.id in begun else known).append((mandate, units))
    await _copy(c, "mandates", MANDATE_COLUMNS, [_mandate_record(mandate, units) for mandate, units in new])
    await _copy(c, "events", EventRow._fields, rows.events)
    await _copy(c, "event_outbox", OUTBOX_COLUMNS, [(row.brin, row.number) for row in rows.events])
    rest = RegisterRows(mandates=known, routed=rows.routed, unrouted=rows.unrouted, counters=rows.counters)
    await register.write(c, rest)


async def _copy(c: Connection, table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]]) -> None:
    if records:
        await c.copy_records_to_table(table, columns=columns, records=records)


def _mandate_record(mandate: Mandate, units: str) -> tuple[Any, ...]:
    """Return a mandate with its units as JSON, in the order of `MANDATE_COLUMNS`."""
    return (
        mandate.id,
        mandate.brin,
        mandate.service_code,
        mandate.supplier_oin,
        mandate.system_code,
        mandate.start_date,
        mandate.end_date,
        mandate.version,
        units,
        mandate.next_date,
        mandate.copied_from,
        mandate.created_at,
        mandate.updated_at,
        mandate.withdrawn_at,
    )
