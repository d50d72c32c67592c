"""Use case: services are added and renamed. In: an actor, a service. Out: its row, its destination and its topic.

The caller owns the transaction and notifies `destinations` after its commit. Nothing is restarted: planners read who
gets what in each batch, forwarders and the watch of DUO's topics each second or two, all others when they are asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from hub.domain.system import Service
from hub.errors import ConfigurationError, Conflict, HubError, NotFound, PreconditionFailed, Unavailable
from hub.kafka.reach import find_fault
from hub.kafka.topics import create_missing
from hub.operations.audit import entry_by
from hub.store import audit, register
from hub.store.connections import connect
from hub.store.pool import DATABASE_ERRORS
from hub.store.reasons import in_words
from schemas.added_queues import with_queues
from schemas.documents import read_asyncapi
from schemas.topics import DUO_REPORTS, Broker, queue_name, service_queue, topics_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from hub.access import Actor
    from hub.settings import Kafka, Settings
    from hub.store.pool import Connection
    from schemas.identifiers import ServiceCode
    from schemas.topics import Topic

CHANNEL: Final = "destinations"
"""To be notified after a change."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewService:
    """A service to add."""

    code: ServiceCode
    shown_as: str
    kind: Literal["duo", "las"]

    def as_service(self) -> Service:
        """Return the service with its queue, if it is one of DUO."""
        is_duo, name = self.kind == "duo", queue_name(self.code)
        return Service(
            code=self.code,
            shown_as=self.shown_as,
            destination=f"duo:{name}" if is_duo else None,
            topic=f"duo.{name}.v1" if is_duo else None,
        )


async def add_service(c: Connection, actor: Actor, wanted: NewService) -> Service:
    """Add a service; raise `Conflict` `exists` or `topic_taken` when there is one of that code, or of that topic."""
    service = wanted.as_service()
    if service.topic == DUO_REPORTS.name:
        raise Conflict("topic_taken", f"{service.topic} is the topic of DUO's reports; choose another code")
    for known in await register.services(c):
        if known.code == service.code:
            raise Conflict("exists", f"service {service.code} is in the register already")
        if service.topic is not None and known.topic == service.topic:
            detail = (
                f"service {known.code} has the topic {service.topic}; choose a code that differs in letters or digits"
            )
            raise Conflict("topic_taken", detail)
    try:
        await register.add_service(c, service)
    except asyncpg.UniqueViolationError:
        raise Conflict("exists", f"somebody else adds {service.code}, or its topic, at this moment") from None
    facts = {"shownAs": service.shown_as, "kind": service.kind, "topic": service.topic}
    await audit.write(c, entry_by(actor, "service.added", {"serviceCode": service.code}, (None, facts)))
    return service


async def rename_service(c: Connection, actor: Actor, code: str, shown_as: str, expected: int | None = None) -> Service:
    """Show a service by another name; raise `NotFound`, or `PreconditionFailed` when its version is not `expected`."""
    before = await register.lock_service(c, code)
    if before is None:
        msg = f"no service {code}"
        raise NotFound(msg)
    if expected not in (None, before.version):
        msg = f"service {code} has version {before.version} by now, not {expected}"
        raise PreconditionFailed(msg)
    if before.shown_as == shown_as:
        return before
    await register.rename_service(c, code, shown_as)
    change = {"shownAs": before.shown_as}, {"shownAs": shown_as}
    await audit.write(c, entry_by(actor, "service.changed", {"serviceCode": code}, change))
    return replace(before, shown_as=shown_as, version=before.version + 1)


async def create_topic(kafka: Kafka, service: Service) -> str | None:
    """Create the topic of a service at DUO's broker, if it has one; return why it could not be, None where it is there.

    Without it the service's messages wait: they are sent when somebody has created it.
    """
    if service.topic is None:
        return None
    try:
        options = kafka.client_options()
        servers = ",".join(options["bootstrap_servers"])
        made = await create_missing(servers, [service_queue(service.topic, service.shown_as)], options=options)
    except (KafkaError, OSError, TimeoutError, ConfigurationError) as error:
        why = error.detail if isinstance(error, ConfigurationError) else await find_fault(options, error)
        log.warning("topic.not_created", topic=service.topic, error=why, next="run osr-hub topics, or let DUO make it")
        return (
            f"topic {service.topic} could not be created ({why}); run `osr-hub topics`, or let DUO's operators make it"
        )
    log.info("topic.ensured", topic=service.topic, was_created=bool(made))
    return None


def acl_template(service: Service) -> list[str]:
    """Return the commands that let DUO read the queue of a service and the hub write it; none for a LAS's service."""
    if service.topic is None:
        return []
    command = "kafka-acls.sh --bootstrap-server DUO_BROKER --command-config ADMIN.properties --add"
    return [
        f"{command} --allow-principal User:OSR_HUB --operation Write --operation Describe --topic {service.topic}",
        f"{command} --allow-principal User:DUO_READER --operation Read --operation Describe --topic {service.topic}",
    ]


async def read_duo_topics(c: Connection) -> list[Topic]:
    """Return the topics that DUO's broker should have: a queue for each of its services, and its reports."""
    queues = {each.topic: service_queue(each.topic, each.shown_as) for each in await register.services(c) if each.topic}
    return [*queues.values(), DUO_REPORTS]


async def describe_messages(borrow: Callable[[], AbstractAsyncContextManager[Connection]]) -> bytes:
    """Return the AsyncAPI of this installation; while the database does not answer, that of the first services.

    Whoever reads it then looks for help, perhaps because of that.
    """
    try:
        async with borrow() as c:
            return with_queues(read_asyncapi(), await read_duo_topics(c))
    except (*DATABASE_ERRORS, Unavailable):
        return read_asyncapi()


async def find_topics(settings: Settings, broker: Broker) -> Sequence[Topic]:
    """Return the topics that a broker should have; those of the table while the database does not answer."""
    if broker is Broker.OURS:
        return topics_on(broker)
    try:
        with in_words():
            c = await connect(settings.direct_dsn, "osr-hub topics")
            try:
                return await read_duo_topics(c)
            finally:
                await c.close()
    except (HubError, asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        log.warning("services.unknown", error=str(error), next="topics of added services are left out")
        return topics_on(broker)
