"""The bodies of the health of the hub's processes, and of what nobody has read of topics."""

from collections.abc import Sequence
from dataclasses import asdict

from hub.domain.health import FaultKind, RoleHealth, UnreadTopic
from hub.domain.health_words import explain_fault
from hub.views.models import CamelModel


class HealthFaultBody(CamelModel):
    """What is wrong with a kind of process, since how many seconds, and with which loop of which process."""

    kind: FaultKind
    says: str
    seconds: float
    loop: str | None
    process: str | None
    error: str | None


class RoleHealthBody(CamelModel):
    """Whether a kind of process makes progress, how many are at work, and which versions of the hub they run."""

    role: str
    is_well: bool
    at_work: int
    versions: list[str]
    faults: list[HealthFaultBody]


class UnreadTopicBody(CamelModel):
    """How many records of a topic a kind of process has not read, and the age of the oldest; null: none waits."""

    role: str
    topic: str
    records: int
    oldest_seconds: float | None


def show_roles(roles: Sequence[RoleHealth]) -> list[RoleHealthBody]:
    """Return the health of each kind of process."""
    return [_role(each) for each in roles]


def show_unread(topics: Sequence[UnreadTopic]) -> list[UnreadTopicBody]:
    """Return what nobody has read of topics."""
    return [UnreadTopicBody(**asdict(each)) for each in topics]


def _role(health: RoleHealth) -> RoleHealthBody:
    faults = [HealthFaultBody(**asdict(fault), says=explain_fault(health.role, fault)) for fault in health.faults]
    return RoleHealthBody(
        role=health.role,
        is_well=health.is_well,
        at_work=health.at_work,
        versions=list(health.versions),
        faults=faults,
    )
