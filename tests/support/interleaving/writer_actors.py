"""All writers of lanes, as actors of interleavings. In: an interleaving world. Out: one script per part of the hub.

Each does what its process, command or call does, by the same functions, and tolerates the errors that a person gets.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub import plan, settle
from hub.domain.bulk import BulkKind
from hub.domain.circuit import CircuitOpened
from hub.domain.ids import new_id
from hub.domain.keys import LaneKey
from hub.domain.pace import SlowedDown
from hub.domain.retention import Cutoffs
from hub.observe.reconcile import reconcile
from hub.operations import retention
from hub.settle import IncomingReport
from hub.store import destinations, lanes, ledger, meters, observe, processes, recovery, register
from hub.store.recovery import RecoveredRows
from hub.store.register import EventRow
from schemas.kinds import ReportStatus
from tests.support.interleaving import operator_actors
from tests.support.interleaving.lane_driver import ROUNDS, carry, send_and_settle
from tests.support.interleaving.operator_actors import FOUND
from tests.support.interleaving.world import BRINS, FIRST, SECOND, InterleavingWorld
from tests.support.lanes.lane_steps import A_SLOW_DAY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Part = Callable[[InterleavingWorld, Any], Awaitable[None]]

A_FAULT_OF_OURS: Final = """
update lanes set due = null where owner is null and not held and due is not null and head < tail
returning destination, brin"""


async def plans(w: InterleavingWorld, c: Any) -> None:
    """Plan the notified schools."""
    async with c.transaction():
        await plan.plan(c, dict.fromkeys(BRINS), datetime.now(UTC), w.owners["plan"])


def forwards(name: str) -> Part:
    """Make a forwarder that runs some lanes."""

    async def script(w: InterleavingWorld, c: Any) -> None:
        for _ in range(ROUNDS):
            await carry(w, c, name)

    return script


async def sweeps(w: InterleavingWorld, c: Any) -> None:
    """Rescue the lanes of a silent process, which may still run, after its open requests."""
    if w.paused is not None:
        await c.execute("update processes set heartbeat_at = '-infinity' where id = $1", w.owners[w.paused])
    async with c.transaction():
        await processes.rescue_lanes(c, A_SLOW_DAY)


async def beats(w: InterleavingWorld, c: Any) -> None:
    """Send heartbeats with open requests; a forwarder that was declared dead goes on without its lanes."""
    sending = [(destination, brin, 0.001) for destination in list(w.destinations)[:3] for brin in BRINS]
    await processes.beat(c, w.owners["forward 1"], sending)
    await processes.beat(c, w.owners["forward 2"], sending)


async def comes_and_goes(w: InterleavingWorld, c: Any) -> None:  # noqa: ARG001 - as all parts
    """Enter a process, leave, and delete those that left long ago."""
    number = (await processes.enter(c, "forward")).process
    await processes.leave(c, number)
    await processes.delete_ended(c)


async def is_forgetful(w: InterleavingWorld, c: Any) -> None:
    """Lose the answer to a lease, return the lost leases, and settle the known ones."""
    owner, permits = w.owners["forgetful"], dict.fromkeys(w.destinations, 1)
    known = await lanes.take(c, owner, permits, 1)
    await lanes.take(c, owner, permits, 1)
    await lanes.return_lost_leases(c, owner, [x.key for x in known])
    await send_and_settle(w, c, "forgetful", known)


async def repairs(w: InterleavingWorld, c: Any) -> None:
    """Repair stranded lanes: only those that the test plants are found."""
    if w.draw.random() < 0.5:
        w.planted |= {LaneKey(*row) for row in await c.fetch(A_FAULT_OF_OURS)}
    found = set(await lanes.repair_stranded(c))
    assert found <= w.planted, f"stranded: {found - w.planted}"


def reports(*names: str, process: str | None) -> Part:
    """Make a reader of reports on deliveries at these destinations, of both schools in one batch."""

    async def script(w: InterleavingWorld, c: Any) -> None:
        found = [row["id"] for row in await c.fetch(FOUND, list(names), False)]  # noqa: FBT003 - a parameter of a statement
        chosen = w.draw.sample(found, min(4, len(found)))
        at = datetime.now(UTC)
        incoming = [
            IncomingReport(delivery_id=one, status=w.draw.choice(list(ReportStatus)), reported_at=at) for one in chosen
        ]
        async with c.transaction():
            await settle.apply_reports(c, incoming, at, w.owners[process] if process else 0)

    return script


async def reports_on_mandates(w: InterleavingWorld, c: Any) -> None:
    """Report on versions of mandates, planned or not."""
    at = datetime.now(UTC)
    incoming = [
        IncomingReport(mandate=(w.mandates[brin, name], version), status=ReportStatus.PROCESSED, reported_at=at)
        for brin in reversed(BRINS)
        for name, version in (("live", 3), ("bron", 1), ("over", 1))
    ]
    async with c.transaction():
        await settle.apply_reports(c, incoming, at, w.owners["plan"])


async def circuits(w: InterleavingWorld, c: Any) -> None:
    """Open a circuit, probe, and close it."""
    destination, now = w.draw.choice(list(w.destinations)), datetime.now(UTC)
    opening = CircuitOpened(since=now, cause="unreachable", error="nobody", probe_at=now)
    await destinations.open_circuit(c, destination, opening, "closed")
    async with c.transaction():
        await destinations.claim_probe(c, destination, 0.0, rotates=w.draw.random() < 0.5)
    async with c.transaction():
        await destinations.close_circuit(c, destination)


async def paces(w: InterleavingWorld, c: Any) -> None:
    """Slow destinations down, record what they took, and clear moments when the clock went back."""
    destination, now = w.draw.choice(list(w.destinations)), datetime.now(UTC)
    await destinations.slow_down(c, destination, SlowedDown(limit=2, pause_seconds=0.0, at=now, error="wait"))
    await destinations.write_accepted(c, dict.fromkeys(w.draw.sample(list(w.destinations), 4), now))
    await destinations.raise_limit(c, destination, (2, None), has_accepted=True)
    async with c.transaction():
        await destinations.reset_deadlines(c)


async def counts(w: InterleavingWorld, c: Any) -> None:  # noqa: ARG001 - as all parts
    """Fold the counters, and advance the start of the search for the oldest message."""
    await observe.advance_open_from(c, datetime.now(UTC))
    await meters.fold(c)


async def compares(w: InterleavingWorld, c: Any) -> None:  # noqa: ARG001 - as all parts
    """Reconcile the units of a system."""
    for service in ("RIO", "VVA"):
        await reconcile(c, FIRST, service, [])


async def takes_away(w: InterleavingWorld, c: Any) -> None:  # noqa: ARG001 - as all parts
    """Run retention."""
    before = datetime.now(UTC) - timedelta(days=300)
    cutoffs = Cutoffs(register=before, deliveries=before, attempts=before, parked=before)
    await retention.apply(
        retention.RetentionRun(c=c, cutoffs=cutoffs, dry=False, tell=_nothing), datetime.now(UTC), "retention"
    )


async def changes(w: InterleavingWorld, c: Any) -> None:
    """Record a change of a mandate."""
    for brin in BRINS:
        async with c.transaction():
            await register.lock_schools(c, [brin])
            number = await w.record(c, brin, w.draw.choice(["live", "web"]), "amended", datetime.now(UTC))
            await c.execute("insert into event_outbox (brin, number) values ($1, $2)", brin, number)


async def recovers(w: InterleavingWorld, c: Any) -> None:
    """Restore an event that the log has and the database lost, while all others run."""
    now, brin = datetime.now(UTC), BRINS[0]
    async with c.transaction():
        school = (await register.lock_schools(c, [brin]))[brin]  # type: ignore[index]
        await recovery.lock_planning(c, [brin])
        identity, number = w.mandates[brin, "live"], school.counter + 1
        version = await c.fetchval("select max(mandate_version) + 1 from events where mandate_id = $1", identity)
        units = orjson.dumps([{"branch": "", "type": "amended", "routing": None, "covers": [f"{brin}00"]}]).decode()
        row = EventRow(brin=brin, number=number, recorded_at=now, id=new_id(now), mandate_id=identity,
                       mandate_version=version, type="amended", units=units, body="{}", traceparent=None)  # fmt: skip
        await recovery.write(c, RecoveredRows(events=[row]))
        await c.execute(
            "insert into published_events select max(position) + 1, $1, $2, $3 from published_events", brin, number, now
        )
        await ledger.raise_epoch(c)


def _nothing(_kind: str, _n: int) -> None:
    """Report no progress."""


ALWAYS: Final[dict[str, Part]] = {
    "plan 1": plans,
    "forward 1": forwards("forward 1"),
    "forward 2": forwards("forward 2"),
}
"""The actors of every schedule."""
OTHERS: Final[dict[str, Part]] = {
    "plan 2": plans,
    "sweep": sweeps,
    "heart": beats,
    "process": comes_and_goes,
    "forgetful": is_forgetful,
    "repair": repairs,
    "report": reports("duo:verzuim", "duo:rio", "duo:bron-po", process="plan"),
    "report anew": reports("duo:verzuim", process="forgetful"),
    "report of mandates": reports_on_mandates,
    "report by call": reports(f"las:{FIRST}", f"las:{SECOND}", process=None),
    "cancel": operator_actors.cancels,
    "cancel many": operator_actors.acts(BulkKind.CANCELLATION),
    "replay": operator_actors.acts(BulkKind.REPLAY),
    "send again": operator_actors.sends_again,
    "hold": operator_actors.holds,
    "release": operator_actors.releases,
    "gate": operator_actors.opens_the_gate,
    "circuit": circuits,
    "pace": paces,
    "count": counts,
    "compare": compares,
    "retention": takes_away,
    "gone": operator_actors.is_gone,
    "leave": operator_actors.leaves,
    "arrive": operator_actors.arrives,
    "change": changes,
    "recover": recovers,
}
"""The actors of whom each schedule draws some, so that each comes up."""
COLD: Final = frozenset({"hold", "release", "gate", "cancel", "compare", "retention", "leave", "arrive", "change",
                         "report by call", "recover"})  # fmt: skip
"""Calls and commands, whose connections plan their statements as they like; the stages look up by key."""
