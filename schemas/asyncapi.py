"""The AsyncAPI 3 document: FastStream's own of the application, completed where FastStream cannot say something.

In: `schemas.application`, `schemas.topics`, `schemas.published`. Out: one self-contained document, as a dictionary.

FastStream gives the servers, the channels and the operations. Completed are: the order and the names (it numbers
servers and names messages after channels), variables of servers, partitions and retention of topics, keys and content
types of messages, summaries of operations, schemas in the form in which messages are written, and that the webhook is
HTTP.
"""

from typing import Any

from schemas.application import HTTP_MESSAGES, NOTICES, WEBHOOK, channel_key, specification
from schemas.cloudevents import HTTP_CONTENT_TYPE, KAFKA_CONTENT_TYPE
from schemas.identifiers import BRIN
from schemas.published import make_components
from schemas.topics import TOPICS, Broker, MessageKind, Topic

_SCHEMAS = "#/components/schemas/"
_KAFKA_BINDING = "0.5.0"
_HTTP_BINDING = "0.3.0"
_SERVERS = (Broker.OURS.value, Broker.DUO.value, "las")
_VARIABLES = {
    "{bootstrap}": {"bootstrap": {"description": "Host and port of a broker; differs per installation."}},
    "{receiver}": {"receiver": {"description": "The host of the system that subscribed."}},
}
_TITLES = {
    MessageKind.MANDATE_EVENT: "A mandate change",
    MessageKind.FORWARDED_MESSAGE: "A mandate change narrowed to one unit",
    MessageKind.DELIVERY_EVENT: "A delivery's next status",
    MessageKind.REPORT_EVENT: "What a receiver did with a delivery",
    MessageKind.NOTICE_EVENT: "What a supplier should know of its subscription",
}
_HTTP_TITLES = {WEBHOOK: "Webhook", NOTICES: "Notices"}
_HTTP_SUMMARIES = {
    WEBHOOK: "Mandate changes for a system, and their results where asked for; one POST each, 2xx means taken.",
    NOTICES: "One POST per cause until it ends, and a few attempts; 2xx means taken.",
}


def make_asyncapi() -> dict[str, Any]:
    """Make the whole document."""
    made = specification()
    references, definitions = make_components(f"{_SCHEMAS}{{model}}")
    names = dict(zip(made["servers"], _SERVERS, strict=True))
    channels, operations = made["channels"], made["operations"]
    return {
        "asyncapi": made["asyncapi"],
        "info": made["info"],
        "defaultContentType": KAFKA_CONTENT_TYPE,
        "servers": {names[name]: _server(server) for name, server in made["servers"].items()},
        "channels": {
            **{channel_key(topic): _topic_channel(topic, channels[channel_key(topic)], names) for topic in TOPICS},
            **{name: _http_channel(name, channels[name], names) for name in HTTP_MESSAGES},
        },
        "operations": {
            **dict(_topic_operation(topic, operations[channel_key(topic)]) for topic in TOPICS),
            **{
                f"{operations[name]['action']}_{name}": _http_operation(name, operations[name])
                for name in HTTP_MESSAGES
            },
        },
        "components": {
            "messages": {kind.value: _message(kind, references[f"{kind.value}.v1.json"]) for kind in MessageKind},
            "schemas": definitions,
        },
    }


def _server(server: dict[str, Any]) -> dict[str, Any]:
    kept = {name: server[name] for name in ("host", "protocol")}
    return {**kept, "variables": _VARIABLES[server["host"]], "description": server["description"]}


def _servers_of(channel: dict[str, Any], names: dict[str, str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/servers/{names[server['$ref'].rpartition('/')[2]]}"} for server in channel["servers"]]


def _topic_channel(topic: Topic, channel: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {
        "address": channel["address"],
        "title": channel["address"],
        "description": channel["description"],
        "servers": _servers_of(channel, names),
        "messages": _message_of(topic.message),
        "bindings": {
            "kafka": {
                "topic": channel["bindings"]["kafka"]["topic"],
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": [topic.cleanup_policy],
                    "retention.ms": topic.retention_ms,
                },
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _http_channel(name: str, channel: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {
        "address": None,
        "title": _HTTP_TITLES[name],
        "description": channel["description"],
        "servers": _servers_of(channel, names),
        "messages": {key: message for kind in HTTP_MESSAGES[name] for key, message in _message_of(kind).items()},
    }


def _message_of(kind: MessageKind) -> dict[str, Any]:
    return {kind.value: {"$ref": f"#/components/messages/{kind.value}"}}


def _topic_operation(topic: Topic, operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return f"{operation['action']}_{channel_key(topic)}", {
        "action": operation["action"],
        "summary": topic.says,
        "description": f"Types: {', '.join(topic.types)}.",
        "channel": operation["channel"],
        "messages": [{"$ref": f"{operation['channel']['$ref']}/messages/{topic.message.value}"}],
    }


def _http_operation(name: str, operation: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": operation["action"],
        "summary": _HTTP_SUMMARIES[name],
        "channel": operation["channel"],
        "messages": [{"$ref": f"{operation['channel']['$ref']}/messages/{kind.value}"} for kind in HTTP_MESSAGES[name]],
        "bindings": {"http": {"method": "POST", "bindingVersion": _HTTP_BINDING}},
    }


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
