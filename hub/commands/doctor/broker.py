"""Checks both brokers, ours and DUO's: topics, our rights, how far we are behind, clocks and disks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaError

from hub.commands.doctor.clocks import judge_clock
from hub.commands.doctor.disks import judge_disk
from hub.commands.doctor.finding import Finding, counted, well, wrong
from hub.kafka.broker_facts import read_broker_facts
from hub.kafka.group_lag import read_group_lag
from hub.kafka.offsets import open_offset_client
from hub.kafka.reach import find_fault, is_unreachable
from hub.kafka.topics import compare_topics, creates_topics
from hub.operations.services import find_topics
from schemas.topics import DUO_REPORTS, MANDATES, Broker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.kafka.group_lag import GroupLag
    from hub.settings import Kafka, Settings
    from schemas.topics import Topic

GROUPS: Final = {
    Broker.OURS: ("osr-hub.plan", MANDATES.name, "osr-consume plan"),
    Broker.DUO: ("osr-hub.reports", DUO_REPORTS.name, "osr-consume reports"),
}
LATE_SECONDS: Final = 60.0
READ_BIT: Final = 1 << 3
WRITE_BIT: Final = 1 << 4
OF_OURS: Final = ("consumers.", "producers.")
"""How the table names those who read and write topics, when they are ours."""


async def check_ours(settings: Settings) -> list[Finding]:
    """Return what is found about our broker."""
    return await _check("Kafka", settings, settings.kafka, Broker.OURS)


async def check_duos(settings: Settings) -> list[Finding]:
    """Return what is found about DUO's broker."""
    return await _check("DUO's Kafka", settings, settings.duo_kafka, Broker.DUO)


async def _check(what: str, settings: Settings, kafka: Kafka, broker: Broker) -> list[Finding]:
    options, topics = kafka.client_options(), await find_topics(settings, broker)
    faults: list[str] = []
    for look in (compare_topics, _missing_rights, _created_by_accident):
        try:
            faults += await look(options, topics)
        except (KafkaError, OSError, TimeoutError) as error:
            faults.append(await find_fault(options, error, [topic.name for topic in topics]))
            if is_unreachable(error):
                return [wrong(what, faults[-1])]
    found = [wrong(what, fault) for fault in faults] or [well(what, "answers, with all topics as they should be")]
    return [*found, await _check_group(what, options, broker), *await look_at_clock_and_disks(what, options)]


async def look_at_clock_and_disks(what: str, options: Mapping[str, Any]) -> list[Finding]:
    """Return what a broker tells of its time and its disks, judged."""
    try:
        facts = await read_broker_facts(options)
    except (KafkaError, OSError, TimeoutError) as error:
        return [wrong(f"clock of {what}", await find_fault(options, error))]
    disks = [judge_disk(f"disk of {what}, broker {d.node}", d.folder, d.total, d.usable) for d in facts.disks]
    return [judge_clock(what, facts.ahead_seconds), *disks]


async def _created_by_accident(options: Mapping[str, Any], _topics: Sequence[Topic]) -> Sequence[str]:
    found = "it creates topics that any client asks for by mistake: set auto.create.topics.enable=false"
    return [found] if await creates_topics(options) else []


async def _missing_rights(options: Mapping[str, Any], topics: Sequence[Topic]) -> Sequence[str]:
    async with open_offset_client(options) as client:
        rights = await client.read_rights([topic.name for topic in topics])
    return [
        f"this hub lacks the right {right} on topic {topic.name}"
        for topic in topics
        for right, bit, users in (("Read", READ_BIT, topic.readers), ("Write", WRITE_BIT, (topic.writer,)))
        if any(user.startswith(OF_OURS) for user in users) and not rights.get(topic.name, ~0) & bit
    ]


async def _check_group(what: str, options: Mapping[str, Any], broker: Broker) -> Finding:
    group, topic, command = GROUPS[broker]
    name = f"{what}, group {group}"
    try:
        lag = await read_group_lag(options, group, topic)
    except (KafkaError, OSError, TimeoutError) as error:
        return wrong(name, await find_fault(options, error))
    if lag is None or (not lag.records and not lag.uncommitted):
        return well(name, "has read everything")
    words = _describe(lag)
    if lag.oldest_seconds is not None and lag.oldest_seconds > LATE_SECONDS:
        return wrong(name, words, f"start `{command}`, or look into its log")
    return well(name, words)


def _describe(lag: GroupLag) -> str:
    age = "" if lag.oldest_seconds is None else f", the oldest for {lag.oldest_seconds:.0f} s"
    waiting = f"{counted(lag.records, 'record waits', 'records wait')}{age}"
    if lag.uncommitted:
        waiting += f"; {counted(lag.uncommitted, 'stands', 'stand')} behind a transaction that its writer has not ended"
    return waiting
