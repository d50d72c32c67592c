"""Notices to suppliers, as a chore of each forwarder. In: the clock. Out: notices that are written and sent.

Next: `hub.subscribe.notices`. Forwarders need not agree who does it: the rows say what is open and what is claimed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub.errors import ConfigurationError
from hub.processes import loops
from hub.store import observe
from hub.store.pool import DATABASE_ERRORS
from hub.subscribe import notices

if TYPE_CHECKING:
    from hub.outbound import Outbound
    from hub.settings import Settings
    from hub.store.pool import Pool

LOOK_SECONDS: Final = 5.0
LOOKS_PER_WATCH: Final = 12
log = structlog.get_logger(__name__)


async def work(pool: Pool, outbound: Outbound, settings: Settings) -> None:
    """Look for causes once a minute and send what is due every few seconds, until cancelled."""
    looks = 0
    while True:
        try:
            async with pool.acquire() as c:
                now = await observe.database_clock(c)
                if looks % LOOKS_PER_WATCH == 0:
                    await notices.watch(c, settings.secrets.keys, now)
            while await notices.send_next(pool, outbound, settings, now):
                loops.moved("forward.notices")
            loops.moved("forward.notices")
        except (*DATABASE_ERRORS, ConfigurationError) as error:  # the latter when no key opens a secret
            loops.failed("forward.notices", error)
            log.warning("notices.interrupted", error=str(error), next=f"again in {LOOK_SECONDS:g} s")
        looks += 1
        await asyncio.sleep(LOOK_SECONDS)
