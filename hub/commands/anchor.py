"""`osr-hub anchor`: today's seal over the whole audit; keep it where writers of this database cannot write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hub.clock import now, today
from hub.commands.database import ACTOR, run_change
from hub.commands.output import print_line
from hub.errors import NotFound
from hub.store import anchors

if TYPE_CHECKING:
    from hub.settings import Settings
    from hub.store.anchors import Anchor
    from hub.store.pool import Connection

app = typer.Typer()


@app.command()
def anchor() -> None:
    """Print the day, its seal over all audit chains, and when it was made; the calendar makes one a day."""

    async def work(c: Connection, _settings: Settings) -> Anchor:
        at = now()
        found = await anchors.make(c, today(at), at, ACTOR) or await anchors.find(c, today(at))
        if found is None:
            raise NotFound("nothing was noted yet, so there is nothing to seal")
        return found

    made = run_change(work, ())
    print_line(f"{made.day} {made.seal.hex()} {made.at:%Y-%m-%dT%H:%M:%S.%fZ} chains grown: {made.chains}")
