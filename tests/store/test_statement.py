"""The statement of a month: what each party owed and took, worked out by hand on a few deliveries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.clock import AMSTERDAM
from hub.domain.ids import new_id
from hub.domain.objective import Objective
from hub.errors import InvalidInput
from hub.observe.statement import Party, StatementLine, parse_month, read_statement
from hub.store import destinations, statement
from tests.support.lanes.ledgers import make_register

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from hub.store.statement import DeliverySums

    Connection = asyncpg.Connection[Any]

T0 = datetime(2026, 11, 10, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
INSERT = """
insert into deliveries (destination, brin, sequence, event_number, id, type, expects_report, planned_at, status,
                        attempts, delivered_at, failed_since, processed_at, refusals, sent_ms, reason, cause)
select d.id, (select min(brin) from schools), $2, $2, $3, 'amended', true, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
  from destinations d where d.name = $1"""


def after(seconds: float) -> datetime:
    """Return a moment after the change was recorded."""
    return T0 + timedelta(seconds=seconds)


async def insert(c: Connection, number: int, status: str, recorded: datetime = T0, **columns: Any) -> None:
    """Insert a delivery to DUO's queue of RIO."""
    given = {
        name: columns.get(name) for name in ("delivered_at", "failed_since", "processed_at", "refusals", "sent_ms")
    }
    reason = "gave_up" if status in {"dead", "cancelled"} else None
    planned = columns.get("planned_at", recorded + timedelta(milliseconds=20))
    await c.execute(
        INSERT, "duo:rio", number, new_id(recorded), planned, status, columns.get("attempts", 0),
        *given.values(), reason, columns.get("cause"),
    )  # fmt: skip


async def line(c: Connection, party: Party, destination: str | None = None, month: str = "2026-11") -> StatementLine:
    """Return a line of the statement."""
    found = await read_statement(c, month, NOW, Objective())
    return next(each for each in found.lines if (each.party, each.destination) == (party, destination))


@pytest.fixture
async def ledger(connection: Connection) -> Connection:
    """Deliveries of November, and one of October: two in time, one late, one held, one dead, one open."""
    await make_register(connection, 2)
    october = datetime(2026, 11, 1, tzinfo=AMSTERDAM) - timedelta(seconds=1)
    await insert(connection, 1, "processed", october, attempts=1, delivered_at=october, processed_at=october)
    taken: dict[str, Any] = {"attempts": 1, "delivered_at": after(1), "sent_ms": 200}
    await insert(connection, 2, "processed", **taken, processed_at=after(3601))
    await insert(connection, 3, "rejected", **taken, processed_at=after(300_001))
    late: dict[str, Any] = {"attempts": 4, "failed_since": after(2), "delivered_at": after(602), "refusals": 1}
    await insert(connection, 4, "delivered", **late)
    await insert(connection, 5, "delivered", attempts=1, delivered_at=after(7200))
    await insert(connection, 6, "dead", attempts=5, failed_since=after(3))
    await insert(connection, 7, "waiting")
    await connection.execute(
        """insert into destination_outages (destination, kind, began_at, ended_at)
           select id, 'hold', $1, $2 from destinations where name = 'duo:rio'""",
        after(10),
        after(7190),
    )
    return connection


async def test_each_party_answers_for_its_own_time(ledger: Connection) -> None:
    """The hub until the first attempt, without holds; the receiver from its first failure; the back office then."""
    hub = await line(ledger, Party.HUB)
    assert (hub.owed, hub.done, hub.in_time, hub.open) == (6, 5, 5, 1)
    assert [hub.p50_seconds, hub.p99_seconds] == pytest.approx([2, 20])
    duo = await line(ledger, Party.RECEIVER, "duo:rio")
    assert (duo.owed, duo.done, duo.in_time, duo.given_up, duo.open) == (5, 4, 3, 1, 1)
    assert (duo.failed_attempts, duo.refused_attempts) == (8, 1)
    assert [duo.p50_seconds, duo.p99_seconds] == pytest.approx([0.2, 600])
    assert [duo.unavailable_seconds, duo.held_seconds] == pytest.approx([600, 7180])
    office = await line(ledger, Party.BACK_OFFICE, "duo:rio")
    assert (office.owed, office.done, office.in_time, office.rejected, office.open) == (4, 2, 1, 1, 2)
    assert (office.share, office.objective_share) == (0.5, 0.95)
    assert [office.p50_seconds, office.p99_seconds] == pytest.approx([3600, 300_000])


async def test_a_message_belongs_to_the_month_of_its_change_in_amsterdam(ledger: Connection) -> None:
    """The last second of October there is October; a month without anything has lines of zeros."""
    october = await line(ledger, Party.HUB, month="2026-10")
    assert (october.owed, october.done) == (1, 1)
    empty = await read_statement(ledger, "2026-09", NOW, Objective())
    assert [(each.party, each.owed) for each in empty.lines] == [(Party.HUB, 0), (Party.SCHOOLS, 0)]
    assert empty.is_over


async def test_overlapping_failures_are_one_outage(ledger: Connection) -> None:
    """Minutes in which any message failed are counted once; one that still fails counts until now."""
    await insert(ledger, 8, "delivered", attempts=2, failed_since=after(300), delivered_at=after(900))
    await insert(ledger, 9, "delivered", attempts=2, failed_since=after(400), delivered_at=after(500))
    assert (await line(ledger, Party.RECEIVER, "duo:rio")).unavailable_seconds == pytest.approx(898)
    await insert(ledger, 10, "retrying", attempts=1, failed_since=NOW - timedelta(hours=1))
    assert (await line(ledger, Party.RECEIVER, "duo:rio")).unavailable_seconds == pytest.approx(898 + 3600)


async def test_holds_and_circuits_are_noted_by_whoever_changes_them(connection: Connection) -> None:
    """Each begins once and ends once, however often it is confirmed."""
    await make_register(connection, 1)
    rio = await connection.fetchval("select id from destinations where name = 'duo:rio'")
    await connection.execute(
        "update destinations set circuit = 'open', circuit_since = now(), circuit_cause = 'unreachable' where id = $1",
        rio,
    )
    await connection.execute("update destinations set circuit = 'half_open' where id = $1", rio)
    await connection.execute("update destinations set circuit = 'open', held = true where id = $1", rio)
    rows = "select kind, cause, ended_at is null as lasts from destination_outages order by id"
    assert [tuple(row) for row in await connection.fetch(rows)] == [
        ("circuit", "unreachable", True),
        ("hold", None, True),
    ]
    await destinations.close_circuit(connection, rio)
    await connection.execute("update destinations set held = false where id = $1", rio)
    assert [row["lasts"] for row in await connection.fetch(rows)] == [False, False]


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "1999-01", "2026-11-01", "", "november"])
def test_what_is_no_month_is_refused(text: str) -> None:
    """A month has four digits, a dash and two."""
    with pytest.raises(InvalidInput):
        parse_month(text)


def test_a_month_begins_and_ends_at_midnight_in_amsterdam() -> None:
    """Also when the clock changes in it, and at the end of the year."""
    since, until = parse_month("2026-10")
    assert (since.astimezone(UTC).hour, until.astimezone(UTC).hour) == (22, 23)
    assert parse_month("2026-12")[1] == datetime(2027, 1, 1, tzinfo=AMSTERDAM)


async def test_a_month_is_read_day_by_day(ledger: Connection) -> None:
    """No statement grows with the month: each asks for one day, in order and without gaps; progress is told."""
    told: list[tuple[int, int]] = []
    asked: list[tuple[UUID, UUID]] = []
    read_part = statement.read_part

    async def note(c: Connection, ids: tuple[UUID, UUID], objective: Objective) -> dict[int, DeliverySums]:
        asked.append(ids)
        return await read_part(c, ids, objective)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(statement, "read_part", note)
        found = await read_statement(ledger, "2026-11", NOW, Objective(), lambda done, of: told.append((done, of)))
    days = (NOW.astimezone(AMSTERDAM).date() - date(2026, 11, 1)).days + 1
    assert len(asked) == days
    assert [low for low, _ in asked[1:]] == [high for _, high in asked[:-1]]
    assert told == [(nth, days + 1) for nth in range(days + 1)]
    assert found.messages == 6
