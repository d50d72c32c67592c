"""The AsyncAPI 3 document: the table of topics and the webhook, with the messages' schemas, for people who connect.

In: `schemas.topics`, `schemas.published`. Out: one self-contained document, as a dictionary.
"""

from typing import Any

from schemas.cloudevents import HTTP_CONTENT_TYPE, KAFKA_CONTENT_TYPE
from schemas.identifiers import BRIN
from schemas.published import make_components
from schemas.topics import TOPICS, Broker, MessageKind, Topic

VERSION = "1.0.0"
_SCHEMAS = "#/components/schemas/"
_KAFKA_BINDING = "0.5.0"
_HTTP_BINDING = "0.3.0"
_WRITTEN_BY_DUO = frozenset({MessageKind.REPORT_EVENT})
_TITLES = {
    MessageKind.MANDATE_EVENT: "A mandate change",
    MessageKind.FORWARDED_MESSAGE: "A mandate change narrowed to one unit",
    MessageKind.DELIVERY_EVENT: "A delivery's next status",
    MessageKind.REPORT_EVENT: "What a receiver did with a delivery",
}


def make_asyncapi() -> dict[str, Any]:
    """Make the whole document."""
    references, definitions = make_components(f"{_SCHEMAS}{{model}}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OSR hub",
            "version": VERSION,
            "description": "Mandate changes of the Onderwijs Serviceregister, and what was done with them.",
        },
        "defaultContentType": KAFKA_CONTENT_TYPE,
        "servers": _servers(),
        "channels": {**{_key(topic): _channel(topic) for topic in TOPICS}, "webhook": _webhook_channel()},
        "operations": {**{f"{_verb(topic)}_{_key(topic)}": _operation(topic) for topic in TOPICS}, **_webhook()},
        "components": {
            "messages": _messages(references),
            "schemas": definitions,
        },
    }


def _servers() -> dict[str, Any]:
    bootstrap = {"bootstrap": {"description": "Host and port of a broker; differs per installation."}}
    kafka = {"host": "{bootstrap}", "protocol": "kafka", "variables": bootstrap}
    receiver = {"receiver": {"description": "The host of the system that subscribed."}}
    return {
        Broker.OURS.value: {**kafka, "description": "The hub's broker."},
        Broker.DUO.value: {**kafka, "description": "DUO's broker; may be the same one."},
        "las": {
            "host": "{receiver}",
            "protocol": "https",
            "variables": receiver,
            "description": "A system's own server.",
        },
    }


def _key(topic: Topic) -> str:
    """Name a topic as a key of the document, in which dots are not allowed."""
    return topic.name.replace(".", "_").replace("-", "_")


def _verb(topic: Topic) -> str:
    return "receive" if topic.message in _WRITTEN_BY_DUO else "send"


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"{topic.says} Written by {topic.writer}, read by {', '.join(topic.readers)}.",
        "servers": [{"$ref": f"#/servers/{topic.broker.value}"}],
        "messages": _message_of(topic.message),
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": [topic.cleanup_policy],
                    "retention.ms": topic.retention_ms,
                },
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _webhook_channel() -> dict[str, Any]:
    return {
        "address": None,
        "title": "Webhook",
        "description": "The address that a system subscribed with; signed by Standard Webhooks headers.",
        "servers": [{"$ref": "#/servers/las"}],
        "messages": {**_message_of(MessageKind.FORWARDED_MESSAGE), **_message_of(MessageKind.DELIVERY_EVENT)},
    }


def _message_of(kind: MessageKind) -> dict[str, Any]:
    return {kind.value: {"$ref": f"#/components/messages/{kind.value}"}}


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": _verb(topic),
        "summary": topic.says,
        "description": f"Types: {', '.join(topic.types)}.",
        "channel": {"$ref": f"#/channels/{_key(topic)}"},
        "messages": [{"$ref": f"#/channels/{_key(topic)}/messages/{topic.message.value}"}],
    }


def _webhook() -> dict[str, Any]:
    operation = {
        "action": "send",
        "summary": "Mandate changes for a system, and their results where asked for; one POST each, 2xx means taken.",
        "channel": {"$ref": "#/channels/webhook"},
        "messages": [
            {"$ref": f"#/channels/webhook/messages/{kind.value}"}
            for kind in (MessageKind.FORWARDED_MESSAGE, MessageKind.DELIVERY_EVENT)
        ],
        "bindings": {"http": {"method": "POST", "bindingVersion": _HTTP_BINDING}},
    }
    return {"send_webhook": operation}


def _messages(references: dict[str, str]) -> dict[str, Any]:
    return {kind.value: _message(kind, references[f"{kind.value}.v1.json"]) for kind in MessageKind}


def _message(kind: MessageKind, reference: str) -> dict[str, Any]:
    key = {"type": "string", "pattern": BRIN.json_schema()["pattern"], "description": "The school's BRIN."}
    return {
        "name": kind.value,
        "title": _TITLES[kind],
        "description": f"On a webhook the content type is {HTTP_CONTENT_TYPE}.",
        "contentType": KAFKA_CONTENT_TYPE,
        "payload": {"$ref": reference},
        "bindings": {"kafka": {"key": key, "bindingVersion": _KAFKA_BINDING}},
    }
