"""Snapshots over HTTP: what the lines say, who gets which, one at a time, and how a long one ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import orjson
import pytest

from hub.access import Caller, Role
from hub.api import snapshots
from hub.api.snapshots import SnapshotResponse
from hub.domain.system import System
from hub.observe import snapshot as pages
from hub.store.register import write_systems
from schemas.identifiers import Oin, SystemCode
from tests.support.api.school_calls import ONE, OTHER, R2, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, publish, take
from tests.support.register.subscriptions import subscribed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, MutableMapping
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client


@pytest.fixture
async def told(pool: Pool, tmp_path: Path) -> Client:
    """Two schools gave mandates for RIO and VVA to a system, one with a routed branch, and all was taken."""
    hub = await open_hub(pool, tmp_path)
    async with pool.acquire() as c:
        await subscribed(c)
    for brin in ("18DS", "00AA"):
        for service in ("RIO", "VVA"):
            branches = [{"branch": "18DS01", "routingId": R2}] if brin == "18DS" else []
            body = mandate_request(brin=brin, serviceCode=service, branches=branches)
            assert (await hub.as_caller(Role.SCHOOL, brins=[brin]).post("/v1/mandates", body)).status == 201
    async with pool.acquire() as c:
        await plan_all(c)
        await publish(c)
        await take(c, "duo:rio", f"las:{ONE}")
    return hub


async def read(caller: Client, service: str, **query: Any) -> list[dict[str, Any]]:
    """Read a snapshot."""
    reply = await caller.get(f"/v1/snapshots/{service}", headers={"accept": "application/x-ndjson"}, **query)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/x-ndjson"), reply.body
    return [orjson.loads(line) for line in reply.body.splitlines()]


async def test_lines_say_where_to_join_and_whether_that_was_all(told: Client) -> None:
    """Begin, a line per school with the messages it was sent, end; and the same again from behind a school."""
    duo = told.as_caller(Role.DUO)
    begin, first, second, end = await read(duo, "RIO")
    assert (begin["kind"], begin["destination"], begin["ledgerEpoch"], begin["after"]) == ("begin", "duo:rio", 1, None)
    assert [(line["brin"], line["lastPlanned"], line["lastEvent"]) for line in (first, second)] == [
        ("00AA", 1, 2), ("18DS", 2, 2),
    ]  # fmt: skip
    sent = (await duo.get("/v1/deliveries", destination="duo:rio", brin="18DS")).json["items"]
    whole = [(await duo.get(f"/v1/deliveries/{one['id']}")).json["message"] for one in sent]
    assert second["messages"] == whole
    assert end == {"kind": "end", "complete": True, "schools": 2, "units": 3, "next": None}
    assert (await duo.get("/v1/events", since=begin["since"])).json["items"] == []
    assert [line["brin"] for line in await read(duo, "RIO", after="00AA") if line["kind"] == "school"] == ["18DS"]


async def test_everybody_gets_its_own_and_nobody_elses(told: Client) -> None:
    """DUO has no snapshot of VVA, a system none of another's; operations say whose they mean."""
    las, operator = told.as_caller(Role.LAS, oin=ONE), told.as_caller(Role.OPERATIONS)
    assert (await read(las, "VVA"))[0]["destination"] == f"las:{ONE}"
    assert (await told.as_caller(Role.DUO).get("/v1/snapshots/VVA")).status == 404
    assert (await las.get("/v1/snapshots/VVA", destination=f"las:{OTHER}")).status == 404
    assert (await las.get("/v1/snapshots/RIO")).status == 404
    assert (await told.as_caller(Role.SCHOOL, brins=["18DS"]).get("/v1/snapshots/RIO")).status == 403
    assert (await operator.get("/v1/snapshots/VVA")).json["errors"][0]["field"] == "/destination"
    assert len(await read(operator, "VVA", destination=f"las:{ONE}")) == 4


async def test_a_unit_that_ran_out_is_not_in_duos_snapshot(told: Client, pool: Pool) -> None:
    """No message tells DUO that an end date passed, so the snapshot leaves the unit out; the school's line stays."""
    async with pool.acquire() as c:
        await c.execute("update mandates set start_date = '2026-01-01', end_date = '2026-01-02' where brin = '00AA'")
    _, first, *_ = await read(told.as_caller(Role.DUO), "RIO")
    assert (first["brin"], first["lastPlanned"], first["messages"]) == ("00AA", 1, [])


async def test_a_caller_reads_one_snapshot_at_a_time(told: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one is refused while the first is sent, and not after it; others are not in its way."""
    entered, leave = asyncio.Event(), asyncio.Event()
    real = pages.read_page

    async def slowly(*arguments: Any) -> Any:
        entered.set()
        await leave.wait()
        return await real(*arguments)

    monkeypatch.setattr(pages, "read_page", slowly)
    duo = told.as_caller(Role.DUO)
    first = asyncio.create_task(read(duo, "RIO"))
    await entered.wait()
    refused = await duo.get("/v1/snapshots/RIO")
    assert (refused.status, refused.headers["retry-after"]) == (429, "10")
    leave.set()
    assert len(await first) == 4
    assert len(await read(duo, "RIO")) == 4


async def test_a_reader_that_stopped_reading_is_cut_off_and_may_come_back(
    told: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection ends without a last line, and the next snapshot is not refused."""
    monkeypatch.setattr(snapshots, "STREAM_SECONDS", 0.0)
    monkeypatch.setattr(snapshots, "SLOW_READER_SECONDS", 0.05)
    state = told.app.state.shared  # type: ignore[attr-defined]  # the application is FastAPI's
    sent: list[bytes] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message.get("body", b""))
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def lines() -> AsyncGenerator[bytes]:
        yield b"begin"
        yield b"end"

    stuck = Mock(state=state, lines=lines)
    caller = Caller(subject="slow", roles=frozenset({Role.DUO}))
    scope = {"type": "http", "path": "/v1/snapshots/RIO", "asgi": {"spec_version": "2.4"}}
    await SnapshotResponse(stuck, caller)(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]  # never called
    assert (b"".join(sent), state.snapshot_readers) == (b"begin", set())


async def test_a_supplier_with_two_systems_says_which(told: Client, pool: Pool) -> None:
    """By the name of the destination; each is its own."""
    async with pool.acquire() as c:
        await write_systems(c, [System(supplier_oin=Oin(ONE), code=SystemCode("TWEEDE"), name="Twee",
                                       service_codes=frozenset({"VVA"}))])  # fmt: skip
    las = told.as_caller(Role.LAS, oin=ONE)
    (error,) = (await las.get("/v1/snapshots/VVA")).json["errors"]
    assert (error["field"], error["code"]) == ("/destination", "required")
    assert len(await read(las, "VVA", destination=f"las:{ONE}")) == 4
    assert [line["kind"] for line in await read(las, "VVA", destination="las:TWEEDE")] == ["begin", "end"]


async def test_asked_for_its_head_alone_nothing_is_read(told: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEAD says what would come, and reads no school."""
    monkeypatch.setattr(pages, "read_page", None)
    reply = await told.as_caller(Role.DUO).call("HEAD", "/v1/snapshots/RIO")
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/x-ndjson", b"")


async def test_a_snapshot_ends_in_time_and_says_where_to_go_on(told: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time is over the last line names the school to go on behind; the rest completes it."""
    monkeypatch.setattr(pages, "SCHOOLS_PER_PAGE", 1)
    ticks = iter([0.0, 0.0, 9e9])
    monkeypatch.setattr(snapshots, "monotonic", lambda: next(ticks))
    duo = told.as_caller(Role.DUO)
    *_, end = await read(duo, "RIO")
    assert (end["complete"], end["schools"], end["next"]) == (False, 1, "00AA")


async def test_what_is_published_and_not_planned_lies_behind_the_position(told: Client, pool: Pool) -> None:
    """`since` never skips an event that no school's line stands for yet."""
    school, duo = told.as_caller(Role.SCHOOL, brins=["00AA"]), told.as_caller(Role.DUO)
    assert (
        await school.post("/v1/mandates", mandate_request(brin="00AA", serviceCode="RIO", supplierOin=OTHER))
    ).status == 201
    async with pool.acquire() as c:
        await publish(c)
    begin, *_ = await read(duo, "RIO")
    events = (await duo.get("/v1/events", since=begin["since"])).json["items"]
    assert ("00AA", "00000000000000000003") in {(event["partitionkey"], event["sequence"]) for event in events}
