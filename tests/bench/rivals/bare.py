"""Bare aiokafka and an HTTP client, without a ledger: the ceiling.

`python -m tests.bench.rivals.bare TOPIC URL CLIENT`.
In: records, batch by batch; a batch's records of one key one after the other, keys side by side. Out: posts, and the
offsets, committed per batch. What fails is lost, who failed is not known, and nothing is kept.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import uvloop
from aiokafka import AIOKafkaConsumer

from hub.settings import load
from tests.bench.rivals.sending import open_own_client, open_pyreqwest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.rivals.sending import Post

AT_ONCE: Final = 64
BATCH: Final = 2000


async def main() -> None:
    """Forward until killed."""
    topic, url, client = sys.argv[1:]
    consumer = AIOKafkaConsumer(
        topic,
        group_id=f"{topic}-bare-{client}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **load().kafka.client_options(),
    )
    await consumer.start()
    async with (open_pyreqwest if client == "pyreqwest" else open_own_client)() as post:
        while True:
            lanes: defaultdict[bytes, list[bytes]] = defaultdict(list)
            for records in (await consumer.getmany(timeout_ms=1000, max_records=BATCH)).values():
                for record in records:
                    lanes[record.key].append(record.value)
            if lanes:
                waiting = iter(lanes.values())
                await asyncio.gather(*(_work(waiting, post, url) for _ in range(AT_ONCE)))
                await consumer.commit()


async def _work(waiting: Iterator[list[bytes]], post: Post, url: str) -> None:
    for bodies in waiting:
        for body in bodies:
            await post(url, body)


if __name__ == "__main__":
    uvloop.run(main())
