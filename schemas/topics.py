"""The one table of topics: what exists on which broker, how it is kept, who writes it and who reads it.

AsyncAPI publishes this table, and tests compare brokers with it. Services are rows of the database: a service that an
operator adds has a queue of the same shape, made by `service_queue`, and `osr-hub topics` creates that one too.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from schemas.kinds import MANDATE_EVENT_TYPES, EventType

PARTITIONS: Final = 12
FOR_EVER: Final = -1
THIRTY_DAYS_MS: Final = 30 * 24 * 60 * 60 * 1000


class Broker(StrEnum):
    """Whose Kafka a topic is on; both may be the same one."""

    OURS = "ours"
    DUO = "duo"


class MessageKind(StrEnum):
    """Which published schema describes a topic's records, or the bodies of a channel over HTTP."""

    MANDATE_EVENT = "mandate-event"
    FORWARDED_MESSAGE = "forwarded-message"
    DELIVERY_EVENT = "delivery-event"
    REPORT_EVENT = "report-event"
    NOTICE_EVENT = "notice-event"


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """One topic; its records are keyed by BRIN4, so that a school's records stay in order."""

    name: str
    broker: Broker
    says: str
    message: MessageKind
    types: tuple[EventType, ...]
    writer: str
    readers: tuple[str, ...]
    retention_ms: int = THIRTY_DAYS_MS
    partitions: int = PARTITIONS
    key: Literal["BRIN4"] = "BRIN4"
    cleanup_policy: Literal["delete"] = "delete"

    def configuration(self) -> dict[str, str]:
        """Return the topic's settings as Kafka names and writes them."""
        return {"cleanup.policy": self.cleanup_policy, "retention.ms": str(self.retention_ms)}


def queue_name(service_code: str) -> str:
    """Return the name of a service in its topic `duo.<name>.v1` and its destination `duo:<name>`."""
    return service_code.lower().replace("_", "-")


def duo_queue(name: str, service: str) -> Topic:
    """Describe the queue `duo.<name>.v1`, from which DUO takes what it must process for a service."""
    return service_queue(f"duo.{name}.v1", service)


def service_queue(topic: str, service: str) -> Topic:
    """Describe a topic from which DUO takes what it must process for a service."""
    return Topic(
        name=topic,
        broker=Broker.DUO,
        says=f"Mandate changes that DUO must process for {service}.",
        message=MessageKind.FORWARDED_MESSAGE,
        types=(EventType.GRANTED, EventType.AMENDED, EventType.WITHDRAWN),
        writer="consumers.forwarding",
        readers=("DUO",),
    )


MANDATES: Final = Topic(
    name="osr.mandates.v1",
    broker=Broker.OURS,
    says="Every mandate change, per school in the order in which it was committed.",
    message=MessageKind.MANDATE_EVENT,
    types=MANDATE_EVENT_TYPES,
    writer="producers.relay",
    readers=("consumers.planning", "anyone allowed"),
    retention_ms=FOR_EVER,
)
DUO_BRON_PO: Final = duo_queue("bron-po", "BRON po")
DUO_VERZUIM: Final = duo_queue("verzuim", "Verzuim")
DUO_RIO: Final = duo_queue("rio", "RIO")
DUO_REPORTS: Final = Topic(
    name="duo.reports.v1",
    broker=Broker.DUO,
    says="What DUO did with what it took from its queues.",
    message=MessageKind.REPORT_EVENT,
    types=(EventType.REPORT,),
    writer="DUO",
    readers=("consumers.reporting",),
)
DELIVERIES: Final = Topic(
    name="osr.deliveries.v1",
    broker=Broker.OURS,
    says="The end of transport and the end of processing of each delivery.",
    message=MessageKind.DELIVERY_EVENT,
    types=(EventType.DELIVERY_CHANGED,),
    writer="producers.delivery_changes",
    readers=("anyone allowed",),
)

TOPICS: Final = (MANDATES, DUO_BRON_PO, DUO_VERZUIM, DUO_RIO, DUO_REPORTS, DELIVERIES)


def topics_on(broker: Broker) -> tuple[Topic, ...]:
    """Return the topics of one broker."""
    return tuple(topic for topic in TOPICS if topic.broker is broker)
