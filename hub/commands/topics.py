"""`osr-hub topics`: create missing topics, those of added services too; report topics that differ."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer
from aiokafka.errors import KafkaError

from hub.commands.output import print_line
from hub.errors import Unavailable
from hub.kafka.reach import find_fault
from hub.kafka.topics import TopicsFound, ensure_topics
from hub.operations.services import find_topics
from hub.settings import load
from schemas.topics import Broker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.settings import Kafka
    from schemas.topics import Topic

app = typer.Typer()


@app.command()
def topics() -> None:
    """Create the topics that are missing, and check the others; exit code 1 when some differ."""
    settings = load()
    topics = {broker: asyncio.run(find_topics(settings, broker)) for broker in Broker}
    found = [_look(settings.kafka, topics[Broker.OURS]), _look(settings.duo_kafka, topics[Broker.DUO])]
    for name in [name for one in found for name in one.created]:
        print_line(f"created  {name}")
    differences = [difference for one in found for difference in one.differences]
    for difference in differences:
        print_line(f"differs  {difference}")
    if differences:
        raise typer.Exit(1)
    print_line("all topics are as they should be")


def _look(kafka: Kafka, topics: Sequence[Topic]) -> TopicsFound:
    options = kafka.client_options()
    servers = ",".join(options["bootstrap_servers"])
    try:
        return asyncio.run(ensure_topics(servers, topics, options=options))
    except (KafkaError, OSError, TimeoutError) as error:
        fault = asyncio.run(find_fault(options, error))
        raise Unavailable(f"Kafka at {servers} cannot be used: {fault}") from error
