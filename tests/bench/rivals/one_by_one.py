"""FastStream as its first page shows it: a handler per message. `python -m tests.bench.rivals.one_by_one TOPIC URL`."""

from __future__ import annotations

import sys

import uvloop
from faststream import FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage  # noqa: TC002 - FastStream reads the annotation

from hub.kafka.broker import make_broker
from hub.settings import load
from tests.bench.rivals.sending import open_pyreqwest


async def main() -> None:
    """Forward until killed."""
    topic, url = sys.argv[1:]
    hubs = make_broker(load().kafka.client_options())
    broker = KafkaBroker(hubs.specification.url, security=hubs.specification.security)
    async with open_pyreqwest() as post:

        @broker.subscriber(topic, group_id=f"{topic}-one", auto_offset_reset="earliest")
        async def forward(message: KafkaMessage) -> None:
            await post(url, message.body)

        await FastStream(broker).run()


if __name__ == "__main__":
    uvloop.run(main())
