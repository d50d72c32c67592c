"""A snapshot joined with the stream of messages, and with the log, is the ledger, whatever happens in between."""

from __future__ import annotations

from contextlib import aclosing
from random import Random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson
import pytest

from hub.access import Role
from hub.api.snapshots import Snapshot
from hub.envelopes import envelope_defaults, forwarded_message
from hub.observe import snapshot as pages
from hub.store import deliveries, observe
from hub.store.snapshots import planned_position
from schemas.identifiers import Oin
from tests.support import chance
from tests.support.api.school_calls import ONE, OTHER, day, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, publish, take
from tests.support.register.schools import BuiltSchool, add_schools
from tests.support.register.subscriptions import subscribed

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Connection, Pool
    from tests.support.api.client import Client

BRINS: Final = ("00AA", "01AA", "02AA", "03AA", "18DS")
Unit = tuple[UUID, str]


class Reader:
    """A reader that begins with a snapshot and joins the stream, as the description of the call says."""

    def __init__(self) -> None:
        self.held: dict[Unit, int] = {}
        self.through: dict[str, int] = {}
        self.events_through: dict[str, int] = {}
        self.since: str | None = None
        self.last: str | None = None
        self.ended = False

    def take_line(self, line: dict[str, Any]) -> None:
        """Take a line of the snapshot."""
        match line["kind"]:
            case "begin":
                self.since = self.since or line["since"]
            case "school":
                self.last = line["brin"]
                self.through[line["brin"]] = line["lastPlanned"]
                self.events_through[line["brin"]] = line["lastEvent"]
                for message in line["messages"]:
                    self._apply(message)
            case "end":
                self.ended = line["complete"]

    def take_message(self, message: dict[str, Any]) -> None:
        """Take a message of the stream."""
        if int(message["sequence"]) > self.through.get(message["partitionkey"], 0):
            self._apply(message)

    def _apply(self, message: dict[str, Any]) -> None:
        unit = (UUID(message["data"]["mandateId"]), message.get("branch") or "")
        if message["data"]["mandateVersion"] <= self.held.get(unit, 0):
            return
        self.held[unit] = message["data"]["mandateVersion"]
        if message["type"].split(".")[-2] in {"withdrawn", "expired"}:
            del self.held[unit]


class Traffic:
    """Schools change their mandates, the planner plans, the relay publishes, the receiver takes: at random."""

    def __init__(self, hub: Client, pool: Pool, service: str, destination: str, dice: Random) -> None:
        self._school = hub.as_caller(Role.SCHOOL, brins=BRINS)
        self._pool, self._service, self._destination, self._dice = pool, service, destination, dice

    async def run(self, steps: int) -> None:
        """Let so many things happen; what is refused changes nothing."""
        doings = (self._grant, self._grant, self._end, self._withdraw, self._route, self._unroute, self._hub)
        for _ in range(steps):
            await self._dice.choice(doings)()

    async def _grant(self) -> None:
        brin, supplier = self._dice.choice(BRINS), self._dice.choice([ONE, ONE, OTHER])
        await self._school.post(
            "/v1/mandates", mandate_request(brin=brin, serviceCode=self._service, supplierOin=supplier)
        )

    async def _end(self) -> None:
        mandate = await self._some()
        body = {"endDate": self._dice.choice([None, day(1), day(9)])}
        await self._school.call("PATCH", f"/v1/mandates/{mandate}", body, headers={"if-match": "*"})

    async def _withdraw(self) -> None:
        await self._school.post(f"/v1/mandates/{await self._some()}/withdrawal", {"reason": "x"})

    async def _route(self) -> None:
        mandate = await self._some()
        async with self._pool.acquire() as c:
            brin = await c.fetchval("select brin from mandates where id = $1", mandate)
        path = f"/v1/mandates/{mandate}/routing/{brin}0{self._dice.randrange(3)}"
        await self._school.call("PUT", path, {"routingId": None})

    async def _unroute(self) -> None:
        async with self._pool.acquire() as c:
            rows = await c.fetch("select mandate_id, branch from routes order by branch, mandate_id")
        if rows:
            row = self._dice.choice(rows)
            await self._school.call("DELETE", f"/v1/mandates/{row['mandate_id']}/routing/{row['branch']}")

    async def _hub(self) -> None:
        async with self._pool.acquire() as c:
            match self._dice.randrange(3):
                case 0:
                    await plan_all(c)
                case 1:
                    await take(c, self._destination)
                case _:
                    await publish(c)

    async def _some(self) -> UUID:
        async with self._pool.acquire() as c:
            rows = await c.fetch("select id from mandates order by created_at, id")
        return self._dice.choice(rows)["id"] if rows else UUID(int=1)


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with five schools and two systems, of which one subscribed."""
    hub = await open_hub(pool, tmp_path)
    async with pool.acquire() as c:
        await add_schools(
            c, *(BuiltSchool(brin=b, name=b, branches={"00": "a", "01": "b", "02": "c"}) for b in BRINS[1:4])
        )
        await subscribed(c)
    return hub


async def asked(hub: Client, pool: Pool, service: str, destination: str, after: str | None) -> Snapshot:
    """Ask for a snapshot, as the API does."""
    async with pool.acquire() as c:
        found = next(each for each in await observe.read_destinations(c) if each.name == destination)
        position = await planned_position(c)
    state = hub.app.state.shared  # type: ignore[attr-defined]  # the application is FastAPI's
    head = envelope_defaults(state.settings.oin, state.settings.http.address)
    return Snapshot(state=state, service_code=service, destination=found, position=position, head=head, after=after)


async def messages(c: Connection, destination: str) -> list[dict[str, Any]]:
    """Read all that a destination was sent, in the order of its lanes."""
    rows = await c.fetch(
        """select d.id from deliveries d join destinations p on p.id = d.destination
            where p.name = $1 and d.status <> 'cancelled' order by d.brin, d.sequence""",
        destination,
    )
    head = envelope_defaults(Oin("00000099000000009000"), "https://hub.example")
    read = await deliveries.read_messages(c, [row["id"] for row in rows])
    return [orjson.loads(forwarded_message(row, before, head)) for row, before in read]


async def ledger(c: Connection, destination: str, service: str) -> dict[Unit, int]:
    """Read the living units of a destination as the ledger has them."""
    number = await c.fetchval("select id from destinations where name = $1", destination)
    newest = await deliveries.newest_per_unit(c, number, service, None)
    return {(unit.mandate_id, unit.branch): unit.mandate_version for unit in newest if not unit.kind.is_end}


@pytest.mark.parametrize(("service", "destination"), [("RIO", "duo:rio"), ("VVA", f"las:{ONE}")])
@pytest.mark.parametrize("draw", range(3 * chance.TIMES))
async def test_a_snapshot_joined_with_the_stream_is_the_ledger(
    hub: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch, service: str, destination: str, draw: int
) -> None:
    """A reader that joins between changes, page by page, broken off and resumed, holds what the ledger has."""
    monkeypatch.setattr(pages, "SCHOOLS_PER_PAGE", 1)
    dice, reader = Random(chance.seed() * 100 + draw), Reader()  # noqa: S311 - a repeatable schedule
    traffic = Traffic(hub, pool, service, destination, dice)
    await traffic.run(40)
    async with pool.acquire() as c:
        rows = await c.fetch(
            "select x.* from lanes x join destinations d on d.id = x.destination where d.name = $1", destination
        )
        taken = {row["brin"]: row["head"] for row in rows}
    while not reader.ended:
        snapshot = await asked(hub, pool, service, destination, reader.last)
        async with aclosing(snapshot.lines()) as lines:
            async for chunk in lines:
                for line in chunk.splitlines():
                    reader.take_line(orjson.loads(line))
                await traffic.run(dice.randrange(5))
                if dice.random() < 0.2:
                    break  # the connection breaks off
    await traffic.run(10)
    async with pool.acquire() as c:
        await plan_all(c)
        await publish(c)
        for message in await messages(c, destination):
            if int(message["sequence"]) > taken.get(message["partitionkey"], 0):
                reader.take_message(message)
        assert reader.held == await ledger(c, destination, service)
    await assert_log_joins(hub, reader)


async def assert_log_joins(hub: Client, reader: Reader) -> None:
    """From `since` on the log has every event above those that the schools' lines stand for."""
    caller, got, since = hub.as_caller(Role.OPERATIONS), set(), reader.since
    while True:
        body = (await caller.get("/v1/events", since=since, limit=1000)).json
        got |= {(event["partitionkey"], int(event["sequence"])) for event in body["items"]}
        since = body["next"]
        if not body["more"]:
            break
    everything = (await caller.get("/v1/events", limit=1000)).json["items"]
    later = {
        (event["partitionkey"], int(event["sequence"])) for event in everything
        if int(event["sequence"]) > reader.events_through.get(event["partitionkey"], 0)
    }  # fmt: skip
    assert later <= got
