"""Makes the first signing key when the API starts. In: the state of the application. Out: a key, with an audit entry.

A key that anybody's request made would be made at a moment that nobody chose.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub.errors import ConfigurationError
from hub.operations.keys import signing_keys
from hub.store.pool import DATABASE_ERRORS

if TYPE_CHECKING:
    from hub.api.state import AppState

AGAIN_SECONDS: Final = 5.0
log = structlog.get_logger(__name__)


async def make_first_key(shared: AppState) -> None:
    """Make the first key unless there is one, as soon as the database can be used; without sealing keys do nothing."""
    sealing = shared.settings.secrets.keys
    while sealing:
        try:
            async with shared.open_pool.acquire() as c:
                await signing_keys(c, sealing, shared.clock())
        except DATABASE_ERRORS as error:
            log.debug("signing_key.not_made", error=str(error), next="trying again in 5 s")
            await asyncio.sleep(AGAIN_SECONDS)
        except ConfigurationError as error:
            log.error("signing_key.sealed", error=str(error), next="put the key that sealed it back")  # noqa: TRY400 - its words say all
            return
        else:
            return
