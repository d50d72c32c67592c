"""Who acts. In: a caller, the time, a reason. Out: what use cases check against the rules and record in the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.access.caller import Caller, Role
from hub.access.rules import may_administer
from hub.store.people import SystemActor

if TYPE_CHECKING:
    from datetime import datetime

    from hub.domain.school import School

COMMAND_LINE: Final = Caller(subject=SystemActor.COMMAND_LINE, roles=frozenset({Role.OPERATIONS}))
"""Who acts when a command of `osr-hub` is given without a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, when, and why."""

    caller: Caller
    at: datetime
    reason: str | None = None
    changes_per_hour: int = 0
    """How many events the changes of one school may make in an hour; 0 is no limit."""

    @property
    def subject(self) -> str:
        """The caller's subject; records keep its pseudonym."""
        return self.caller.subject

    def may_administer(self, school: School) -> bool:
        """Return whether the actor may give mandates for a school."""
        return may_administer(self.caller, school)
