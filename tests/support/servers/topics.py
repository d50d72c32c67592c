"""Topics under the names that the hub itself uses, with nothing on them from another test's hub."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiokafka.admin import AIOKafkaAdminClient

from hub.kafka.topics import create_missing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schemas.topics import Topic

GONE_SECONDS: Final = 60.0


async def recreate_topics(bootstrap: str, topics: Sequence[Topic]) -> None:
    """Delete the topics with these names, and create them again."""
    await delete_topics(bootstrap, {topic.name for topic in topics})
    await create_missing(bootstrap, topics)


async def delete_topics(bootstrap: str, names: Collection[str]) -> None:
    """Delete the topics with these names, and wait until they are gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if there := set(names).intersection(await admin.list_topics()):
            await admin.delete_topics(sorted(there))
        async with asyncio.timeout(GONE_SECONDS):
            while set(names).intersection(await admin.list_topics()):
                await asyncio.sleep(0.02)
    finally:
        await admin.close()
