"""What pages of operations share. In: a visit. Out: the operator as an actor, and the lag of all destinations."""

from dataclasses import dataclass

from hub.access import Actor, Role
from hub.access.rules import is_operator
from hub.console.visit import Redirect, Visit
from hub.observe.lag import Lag, LagReader
from hub.store.objectives import default_objective


@dataclass(slots=True)
class SharedLagReader:
    """The lag reader that all pages share; made for the first page that reads the lag."""

    reader: LagReader


def require_operator(here: Visit) -> None:
    """Require the role of operations; redirect a school's administrator to the schools."""
    if here.user.has(Role.SCHOOL) and not is_operator(here.user):
        raise Redirect("/mandaten")
    here.require(Role.OPERATIONS)


def actor_of(here: Visit, reason: str) -> Actor:
    """Return the visitor as the actor of a change, with the time and the reason."""
    return Actor(caller=here.user, at=here.at.now, reason=reason)


async def read_lag(here: Visit) -> Lag:
    """Read the lag of all destinations; all pages share one reader."""
    async with here.app.open_pool.acquire() as c:
        return await _reader_of(here).read(c, here.at.now)


def _reader_of(here: Visit) -> LagReader:
    state = here.request.app.state
    if not hasattr(state, "console_looks"):
        state.console_looks = SharedLagReader(LagReader(default_objective(here.app.settings)))
    looks: SharedLagReader = state.console_looks
    return looks.reader
