"""Whether the processes of the hub make progress. In: reports of their loops, what waits. Out: health per role.

A loop makes progress when a turn of it ends well: a read ended, a heartbeat was written, a lease was tried, a record
was published. A failed turn shows that the loop still turns. This decides for the console, `osr-hub doctor`, `/v1/lag`,
`/health/ready` and the probe of each process, so that all say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BOUND_SECONDS: Final = 20.0
"""A loop without progress for longer is late; with a heartbeat and a look it is seen within 30 s."""
HUNG_SECONDS: Final = 90.0
"""A loop without any turn for longer hangs: statements end after 60 s, so nothing in it ends by itself any more."""
ROLES: Final[Mapping[str, str]] = {
    "produce": "osr-produce",
    "plan": "osr-consume plan",
    "forward": "osr-consume forward",
    "reports": "osr-consume reports",
}
"""The roles that the hub cannot do without, and what starts them."""


class LoopKind(StrEnum):
    """What counts as the progress of a loop."""

    TURNS = "turns"
    """Its turns end well, again and again."""
    PUBLISHES = "publishes"
    """Its turns end, and well while something waits: a broker that is away harms nothing before."""
    EVENTS = "events"
    """What it begins ends; without work it makes no turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRule:
    """What a loop does, and how many seconds it may take without progress."""

    does: str
    kind: LoopKind = LoopKind.TURNS
    bound_seconds: float = BOUND_SECONDS
    hung_seconds: float = HUNG_SECONDS


SLOW_SECONDS: Final = 1800.0
"""For chores that work once in some minutes, and for which nobody waits."""
RARE_SECONDS: Final = 3 * 3600.0
"""For chores that work once in an hour."""
LOOPS: Final[Mapping[str, LoopRule]] = {
    "produce.heartbeat": LoopRule(does="writes the heartbeat"),
    "produce.relay": LoopRule(does="publishes on osr.mandates.v1", kind=LoopKind.PUBLISHES),
    "produce.changes": LoopRule(does="publishes on osr.deliveries.v1", kind=LoopKind.PUBLISHES),
    "produce.calendar": LoopRule(does="looks for dates that have come"),
    "plan.heartbeat": LoopRule(does="writes the heartbeat"),
    "plan.read": LoopRule(does="reads osr.mandates.v1"),
    "plan.sweep": LoopRule(does="plans what no record named"),
    "plan.jobs": LoopRule(does="runs bulk jobs"),
    "plan.unread": LoopRule(does="counts what is unread on osr.mandates.v1", bound_seconds=60.0),
    "forward.heartbeat": LoopRule(does="writes the heartbeat"),
    "forward.lease": LoopRule(does="leases lanes"),
    "forward.tick": LoopRule(does="refreshes destinations and rescues lanes"),
    "forward.complete": LoopRule(does="writes the results of lanes", kind=LoopKind.EVENTS),
    "forward.queues": LoopRule(does="sends to queues of DUO", kind=LoopKind.EVENTS, bound_seconds=60.0),
    "forward.notices": LoopRule(does="sends notices to suppliers", bound_seconds=60.0),
    "reports.heartbeat": LoopRule(does="writes the heartbeat"),
    "reports.read": LoopRule(does="reads duo.reports.v1"),
    "reports.parked": LoopRule(does="applies parked reports"),
    "reports.watch": LoopRule(does="watches DUO's broker for lost records"),
    "reports.unread": LoopRule(does="counts what is unread on duo.reports.v1", bound_seconds=60.0),
    "serve.heartbeat": LoopRule(does="writes the heartbeat"),
    "serve.keys": LoopRule(
        does="fetches the keys of the token issuer", bound_seconds=SLOW_SECONDS, hung_seconds=RARE_SECONDS
    ),
    "serve.login_keys": LoopRule(
        does="fetches the keys of the login", bound_seconds=SLOW_SECONDS, hung_seconds=RARE_SECONDS
    ),
    "serve.outdated": LoopRule(
        does="deletes answers and sessions that are over", bound_seconds=RARE_SECONDS, hung_seconds=RARE_SECONDS
    ),
}
"""The loops of all processes, by role and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopReport:
    """A loop as its process sees it; ages in seconds.

    `moved` is the age of its last progress, or for how long something waits for it; `turned` the age of its last turn,
    failed ones too; `worked` the age of the last turn that had something to do; `error` is that of a failed turn.
    """

    name: str
    moved: float
    turned: float
    worked: float | None = None
    error: str | None = None

    def aged(self, seconds: float) -> LoopReport:
        """Return the report as it is so many seconds later, without news."""
        is_idle = self.rule.kind is LoopKind.EVENTS and not self.moved
        return LoopReport(
            name=self.name,
            moved=0.0 if is_idle else self.moved + seconds,
            turned=0.0 if is_idle else self.turned + seconds,
            worked=None if self.worked is None else self.worked + seconds,
            error=self.error,
        )

    @property
    def rule(self) -> LoopRule:
        """What the loop does and may take; a loop of another version of the hub has the usual bounds."""
        return LOOPS.get(self.name, LoopRule(does=self.name))

    @property
    def is_late(self) -> bool:
        """Whether it makes no progress."""
        return self.moved > self.rule.bound_seconds

    @property
    def is_hung(self) -> bool:
        """Whether not even a failed turn ends: only a new process helps."""
        return self.turned > self.rule.hung_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessReport:
    """A process that beats, and its loops as they are now; `version` is None where it does not tell it."""

    role: str
    host: str = ""
    pid: int = 0
    version: str | None = None
    loops: Sequence[LoopReport] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadTopic:
    """What nobody of a group has read yet of a topic; `oldest_seconds` is None when there is nothing."""

    role: str
    topic: str
    records: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """For how many seconds the oldest waits that nobody published, planned, leased or read; None: nothing waits."""

    unpublished: float | None = None
    unplanned: float | None = None
    due: float | None = None
    unread: Sequence[UnreadTopic] = ()

    def of(self, role: str) -> float | None:
        """Return the age of the oldest that waits for this role."""
        own = {"produce": self.unpublished, "plan": self.unplanned, "forward": self.due}.get(role)
        ages = [own, *(each.oldest_seconds for each in self.unread if each.role == role)]
        return max((age for age in ages if age is not None), default=None)


class FaultKind(StrEnum):
    """What can be wrong with a role."""

    NONE_AT_WORK = "none_at_work"
    LOOP_LATE = "loop_late"
    NOTHING_DONE = "nothing_done"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFault:
    """What is wrong: no process, a loop of a process without progress, or work that waits and nobody does."""

    kind: FaultKind
    seconds: float = 0.0
    loop: str | None = None
    process: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleHealth:
    """The health of a role: how many processes are at work, of which versions of the hub, and what is wrong."""

    role: str
    at_work: int
    versions: Sequence[str] = ()
    faults: Sequence[HealthFault] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def judge_roles(processes: Sequence[ProcessReport], backlog: Backlog) -> list[RoleHealth]:
    """Return the health of each role that the hub cannot do without."""
    return [judge(role, [each for each in processes if each.role == role], backlog) for role in ROLES]


def judge(role: str, processes: Sequence[ProcessReport], backlog: Backlog) -> RoleHealth:
    """Return the health of a role, by its processes that beat and by what waits for it."""
    versions = sorted({each.version for each in processes if each.version is not None})
    faults = tuple(_faults(role, processes, backlog))
    return RoleHealth(role=role, at_work=len(processes), versions=versions, faults=faults)


def late_loops(loops: Sequence[LoopReport]) -> list[LoopReport]:
    """Return the loops of a process that make no progress."""
    return [loop for loop in loops if loop.is_late or loop.is_hung]


def hung_loops(loops: Sequence[LoopReport]) -> list[LoopReport]:
    """Return the loops of a process that do not turn any more."""
    return [loop for loop in loops if loop.is_hung]


def _faults(role: str, processes: Sequence[ProcessReport], backlog: Backlog) -> Iterator[HealthFault]:
    if not processes:
        yield HealthFault(kind=FaultKind.NONE_AT_WORK)
        return
    for process in processes:
        for loop in late_loops(process.loops):
            yield HealthFault(
                kind=FaultKind.LOOP_LATE,
                seconds=max(loop.moved, loop.turned),
                loop=loop.name,
                process=f"{process.host} {process.pid}",
                error=loop.error,
            )
    waits, worked = backlog.of(role), [loop.worked for each in processes for loop in each.loops]
    is_working = any(age is not None and age <= BOUND_SECONDS for age in worked)
    if waits is not None and waits > BOUND_SECONDS and not is_working:
        yield HealthFault(kind=FaultKind.NOTHING_DONE, seconds=waits)
