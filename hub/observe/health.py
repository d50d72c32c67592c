"""The health of the hub's processes. In: heartbeats, and what waits. Out: one verdict per role, for all who show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.health import judge_roles
from hub.store import health

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.domain.health import ProcessReport, RoleHealth, UnreadTopic
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class HubHealth:
    """The processes that beat, the health of each role, and what nobody has read of topics."""

    processes: Sequence[ProcessReport] = ()
    roles: Sequence[RoleHealth] = ()
    unread: Sequence[UnreadTopic] = ()

    def unread_seconds(self, role: str) -> float | None:
        """Return the age of the oldest record that this role has not read."""
        return max((u.oldest_seconds for u in self.unread if u.role == role and u.oldest_seconds), default=None)


async def read_health(c: Connection) -> HubHealth:
    """Return the health as it is now."""
    backlog, beating = await health.backlog(c), await health.beating(c)
    return HubHealth(processes=beating, roles=judge_roles(beating, backlog), unread=backlog.unread)
