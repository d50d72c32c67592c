"""After all the load: the ledger is checked as an operator would, and no violation may be found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.bench.figures import Figure

if TYPE_CHECKING:
    from tests.bench.world import World


async def ledger(world: World) -> list[Figure]:
    """Run `osr-hub verify`."""
    began = time.monotonic()
    found = await world.stack.verify()
    assert found["ok"], found["violations"][:5]
    return [
        Figure(what="violations", value=len(found["violations"]), unit="", better="lower"),
        Figure(what="events checked", value=found["events"], unit=""),
        Figure(what="verify takes", value=time.monotonic() - began, unit="s", better="lower"),
    ]
