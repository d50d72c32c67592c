"""The hub as a FastStream application: a channel per topic and one for webhooks, declared on brokers.

In: `schemas.topics` and the models of the messages. Out: what the processes declare their subscribers with
(`describe`), and the application as others see it (`make_application`), of which `schemas.asyncapi` makes the document.

The subscribers that run are in `consumers`. Records are sent by `hub.kafka.batches` and not by FastStream's
publishers: those send record by record, or a batch of which they drop what does not fit, and the hub must know the
offset of each record. The publishers are declared all the same, because they are what the hub promises.
"""

from typing import Any, Final, TypedDict

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from pydantic import BaseModel

from schemas.envelope import DeliveryEvent, ForwardedMessage, MandateEvent, NoticeEvent, ReportEvent
from schemas.topics import TOPICS, Broker, MessageKind, Topic

TITLE: Final = "OSR hub"
VERSION: Final = "1.0.0"
WEBHOOK: Final = "webhook"
NOTICES: Final = "notices"
MODELS: Final[dict[MessageKind, type[BaseModel]]] = {
    MessageKind.MANDATE_EVENT: MandateEvent,
    MessageKind.FORWARDED_MESSAGE: ForwardedMessage,
    MessageKind.DELIVERY_EVENT: DeliveryEvent,
    MessageKind.REPORT_EVENT: ReportEvent,
    MessageKind.NOTICE_EVENT: NoticeEvent,
}
HTTP_MESSAGES: Final = {
    WEBHOOK: (MessageKind.FORWARDED_MESSAGE, MessageKind.DELIVERY_EVENT),
    NOTICES: (MessageKind.NOTICE_EVENT,),
}
"""The channels over HTTP, and what is sent there."""


def channel_key(topic: Topic) -> str:
    """Return the name of a topic's channel in the document, in which dots are not allowed."""
    return topic.name.replace(".", "_").replace("-", "_")


class ChannelTexts(TypedDict):
    """What a channel is called, and what it is for."""

    title: str
    description: str


def describe(topic: Topic) -> ChannelTexts:
    """Return the title and description of a topic's channel, for a subscriber or a publisher."""
    return {
        "title": channel_key(topic),
        "description": f"{topic.says} Written by {topic.writer}, read by {', '.join(topic.readers)}.",
    }


def make_application() -> AsyncAPI:
    """Make the application with all its channels; its brokers are never started."""
    ours = KafkaBroker(specification_url="{bootstrap}", description="The hub's broker.")
    duo = KafkaBroker(specification_url="{bootstrap}", description="DUO's broker; may be the same one.")
    las = KafkaBroker(specification_url="{receiver}", protocol="https", description="A system's own server.")
    brokers = {Broker.OURS: ours, Broker.DUO: duo}
    for topic in TOPICS:
        if topic.message is MessageKind.REPORT_EVENT:
            _subscribe(brokers[topic.broker], topic)
        else:
            brokers[topic.broker].publisher(topic.name, schema=MODELS[topic.message], **describe(topic))
    _publish_over_http(las)
    return AsyncAPI(
        ours,
        duo,
        las,
        title=TITLE,
        version=VERSION,
        description="Mandate changes of the Onderwijs Serviceregister, and what was done with them.",
        schema_version="3.0.0",
    )


def _publish_over_http(las: KafkaBroker) -> None:
    las.publisher(
        WEBHOOK,
        title=WEBHOOK,
        description="The address that a system subscribed with; signed by Standard Webhooks headers.",
        schema=ForwardedMessage | DeliveryEvent,
    )
    las.publisher(
        NOTICES,
        title=NOTICES,
        description="The `noticeUrl` of a subscription: what its supplier should know; signed like a webhook.",
        schema=NoticeEvent,
    )


def _subscribe(broker: KafkaBroker, topic: Topic) -> None:
    @broker.subscriber(topic.name, **describe(topic))
    async def on_report(report: ReportEvent) -> None:
        """Take a report; `consumers.reporting` does."""


def specification() -> dict[str, Any]:
    """Return the document that FastStream makes of the application."""
    document: dict[str, Any] = make_application().to_specification().to_jsonable()
    return document
