"""Checks both brokers, ours and DUO's: whether they answer, and their topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from hub.commands.doctor.finding import Finding, well, wrong
from hub.kafka.topics import missing_topics
from hub.operations.services import find_topics
from schemas.topics import Broker

if TYPE_CHECKING:
    from hub.settings import Kafka, Settings


async def check_ours(settings: Settings) -> list[Finding]:
    """Return what is found about our broker."""
    return await _check("Kafka", settings, settings.kafka, Broker.OURS)


async def check_duos(settings: Settings) -> list[Finding]:
    """Return what is found about DUO's broker."""
    return await _check("DUO's Kafka", settings, settings.duo_kafka, Broker.DUO)


async def _check(what: str, settings: Settings, kafka: Kafka, broker: Broker) -> list[Finding]:
    options = kafka.client_options()
    servers = ",".join(options["bootstrap_servers"])
    try:
        missing = await missing_topics(servers, await find_topics(settings, broker), options=options)
    except (KafkaError, OSError) as error:
        return [wrong(what, f"it does not answer: {error or type(error).__name__}")]
    if missing:
        return [wrong(what, f"without {', '.join(missing)}", "Run `osr-hub topics`")]
    return [well(what, "answers, with all topics")]
