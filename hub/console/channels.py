"""Topics and webhook as a page shows them. In: the AsyncAPI document. Out: channels, and the fields of messages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DAY_MS: Final = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelField:
    """A member of a message: its name, its form, whether it is always there, and what it means."""

    name: str
    form: str
    is_required: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMessage:
    """A kind of message, with the attributes of its envelope and the members of its data."""

    name: str
    title: str
    attributes: tuple[ChannelField, ...]
    data: tuple[ChannelField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A topic, or the webhook; `days` is None for what is kept for ever, and for a webhook."""

    name: str
    says: str
    partitions: int | None
    days: int | None
    messages: tuple[str, ...]


@lru_cache(maxsize=4)
def read_channels(asyncapi: bytes) -> tuple[tuple[Channel, ...], tuple[ChannelMessage, ...]]:
    """Return all channels, and all kinds of messages."""
    document = json.loads(asyncapi)
    schemas = document["components"]["schemas"]
    messages = tuple(_message(each, schemas) for each in document["components"]["messages"].values())
    return tuple(_channel(each) for each in document["channels"].values()), messages


def _channel(channel: Mapping[str, Any]) -> Channel:
    kafka = channel.get("bindings", {}).get("kafka", {})
    kept = kafka.get("topicConfiguration", {}).get("retention.ms", -1)
    return Channel(
        name=channel["address"] or channel["title"],
        says=channel["description"],
        partitions=kafka.get("partitions"),
        days=None if kept < 0 else kept // DAY_MS,
        messages=tuple(channel["messages"]),
    )


def _message(message: Mapping[str, Any], schemas: Mapping[str, Any]) -> ChannelMessage:
    envelope = _resolve(message["payload"], schemas)
    return ChannelMessage(
        name=message["name"],
        title=message["title"],
        attributes=tuple(_fields(envelope, schemas)),
        data=tuple(_fields(_resolve(envelope["properties"]["data"], schemas), schemas)),
    )


def _fields(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[ChannelField]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        if name != "data":
            says = field.get("description") or _resolve(field, schemas).get("description", "")
            yield ChannelField(name=name, form=_form(field, schemas), is_required=name in required, says=says)


def _form(field: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return the form of a member in a word or two."""
    found = _resolve(field, schemas)
    if "const" in found:
        return f'"{found["const"]}"'
    if "enum" in found:
        return " | ".join(map(str, found["enum"]))
    if "anyOf" in found:
        return " | ".join(_form(each, schemas) for each in found["anyOf"])
    if found.get("type") == "array":
        return f"[{_form(found.get('items', {}), schemas)}]"
    return str(found.get("format") or found.get("type", "any"))


def _resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    resolved: Mapping[str, Any] = schemas[schema["$ref"].rpartition("/")[2]]
    return resolved
