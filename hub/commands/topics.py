"""`osr-hub topics`: create missing topics; report topics that differ from the table."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer
from aiokafka.errors import KafkaError

from hub.commands.output import print_line
from hub.errors import Unavailable
from hub.kafka.reach import find_fault
from hub.kafka.topics import TopicsFound, ensure_topics
from hub.settings import load
from schemas.topics import Broker, topics_on

if TYPE_CHECKING:
    from hub.settings import Kafka

app = typer.Typer()


@app.command()
def topics() -> None:
    """Create the topics that are missing, and check the others; exit code 1 when some differ."""
    settings = load()
    found = [_look(settings.kafka, Broker.OURS), _look(settings.duo_kafka, Broker.DUO)]
    for name in [name for one in found for name in one.created]:
        print_line(f"created  {name}")
    differences = [difference for one in found for difference in one.differences]
    for difference in differences:
        print_line(f"differs  {difference}")
    if differences:
        raise typer.Exit(1)
    print_line("all topics are as they should be")


def _look(kafka: Kafka, broker: Broker) -> TopicsFound:
    options = kafka.client_options()
    servers = ",".join(options["bootstrap_servers"])
    try:
        return asyncio.run(ensure_topics(servers, topics_on(broker), options=options))
    except (KafkaError, OSError, TimeoutError) as error:
        fault = asyncio.run(find_fault(options, error))
        raise Unavailable(f"Kafka at {servers} cannot be used: {fault}") from error
