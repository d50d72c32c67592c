"""The envelope of every message: CloudEvents 1.0 as the NL GOV profile wants it, written and read.

Out: attributes and data -> `encode` -> the bytes of one structured JSON event, for Kafka and HTTP alike.
In: the value and headers of a record or request, structured or binary -> `read` -> `ReceivedEvent`, or
`NotACloudEvent`, whose text says what is missing. `schemas.messages` says what `data` holds.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from schemas.identifiers import Oin

KAFKA_CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
HTTP_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
KAFKA_HEADERS: tuple[tuple[str, bytes], ...] = (("content-type", KAFKA_CONTENT_TYPE.encode()),)
SPECVERSION = "1.0"
DATA_CONTENT_TYPE = "application/json"

REQUIRED = ("specversion", "id", "source", "type")
OPTIONAL = ("subject", "time", "datacontenttype", "dataschema")
EXTENSIONS = (
    "partitionkey",
    "sequence",
    "position",
    "previoussequence",
    "correlationid",
    "causationid",
    "branch",
    "routingid",
    "replayof",
    "ledgerepoch",
    "traceparent",
)
ATTRIBUTES = (*REQUIRED, *OPTIONAL, *EXTENSIONS)
"""Every attribute that the hub writes, in the order in which it writes them."""

SEQUENCE_DIGITS = 20

_KNOWN = frozenset(ATTRIBUTES)
_STRUCTURED = "application/cloudevents"
_JSON_TYPE = re.compile(r"(?:application|text)/(?:[\w.!#$&^-]+\+)?json", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class NotACloudEvent(ValueError):  # noqa: N818 - named as the claim it makes
    """Bytes and headers are no CloudEvents 1.0 event; the text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedEvent:
    """An event as it was received: the required attributes checked, the others as they came, if they are scalars."""

    id: str
    source: str
    type: str
    attributes: Mapping[str, str | int | bool]
    """All attributes by their lower-case names, the required ones included."""
    data: Any
    """The decoded JSON; bytes when the sender says that it is no JSON; None when there is none."""

    def text(self, name: str) -> str | None:
        """Return an optional attribute as text; None when it is absent or empty."""
        value = self.attributes.get(name)
        return None if value is None or value == "" else str(value)


def event_source(oin: Oin) -> str:
    """Name a hub as the source of its events."""
    return f"urn:nld:oin:{oin}:systeem:osr-hub"


def write_sequence(number: int) -> str:
    """Write a number so that its order as text is its order as a number."""
    return str(number).zfill(SEQUENCE_DIGITS)


def write_time(moment: datetime) -> str:
    """Write an aware moment in UTC, RFC 3339, whole milliseconds (the rest is cut off)."""
    if moment.tzinfo is None:
        msg = "a moment without a time zone cannot be written"
        raise ValueError(msg)
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    text = orjson.dumps(in_utc, option=orjson.OPT_UTC_Z).decode()  # a quarter of the time of `isoformat`
    return f"{text[1:24]}Z" if in_utc.microsecond else f"{text[1:20]}.000Z"


def encode(attributes: Mapping[str, object], data: object) -> bytes:
    """Write one structured JSON event.

    Attributes that are None are left out, the others written in the order of `ATTRIBUTES`, whatever the mapping's.
    `data` is anything that orjson writes, an `orjson.Fragment` of ready JSON included. An attribute that the
    published language does not know is a `ValueError`.
    """
    if not attributes.keys() <= _KNOWN:
        msg = f"not attributes of our envelope: {sorted(attributes.keys() - _KNOWN)}"
        raise ValueError(msg)
    event = {name: value for name in ATTRIBUTES if (value := attributes.get(name)) is not None}
    if data is not None:
        event["data"] = data
    return orjson.dumps(event)


def read(value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> ReceivedEvent:
    """Read an event from a Kafka record or an HTTP request, in either mode.

    The mode follows from the headers: a content type of CloudEvents means structured, `ce_` (Kafka) or `ce-` (HTTP)
    headers mean binary. With neither, JSON that holds an envelope is taken as structured. Everything else, empty
    values and tombstones too, raises `NotACloudEvent`.
    """
    if not value:
        reason = "the message is empty"
        raise NotACloudEvent(reason)
    named = {name.lower(): content for name, content in headers if content is not None}
    content_type = _decode("content-type", named.get("content-type", b""))
    if content_type.lower().startswith(_STRUCTURED):
        return _read_structured(value, content_type)
    attributes = dict(_header_attributes(named.items()))
    if attributes:
        return _read_binary(value, attributes, content_type)
    if content_type and not _is_json(content_type):
        reason = f"neither structured nor binary: content type {content_type!r} and no ce_ headers"
        raise NotACloudEvent(reason)
    return _read_structured(value, f"{_STRUCTURED}+json")


def _read_structured(value: bytes, content_type: str) -> ReceivedEvent:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in (f"{_STRUCTURED}+json", _STRUCTURED):
        reason = f"events are read as JSON, one at a time, not as {media_type!r}"
        raise NotACloudEvent(reason)
    envelope = _decode_json(value, "the event")
    if not isinstance(envelope, dict):
        reason = f"the event is JSON, but no object: {type(envelope).__name__}"
        raise NotACloudEvent(reason)
    members = {name: content for name, content in envelope.items() if name not in ("data", "data_base64")}
    return _received(members, _structured_data(envelope))


def _structured_data(envelope: Mapping[str, Any]) -> Any:  # noqa: ANN401 - data may be any JSON
    packed = envelope.get("data_base64")
    if packed is None:
        return envelope.get("data")
    if envelope.get("data") is not None:
        reason = "the event has both data and data_base64"
        raise NotACloudEvent(reason)
    try:
        unpacked = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        reason = "data_base64 is no base64"
        raise NotACloudEvent(reason) from error
    return _decode_data(unpacked, envelope.get("datacontenttype"))


def _read_binary(value: bytes, attributes: dict[str, str], content_type: str) -> ReceivedEvent:
    if content_type:
        attributes["datacontenttype"] = content_type
    return _received(attributes, _decode_data(value, attributes.get("datacontenttype")))


def _header_attributes(headers: Iterable[tuple[str, bytes]]) -> Iterable[tuple[str, str]]:
    for name, content in headers:
        match name[:3]:
            case "ce_":
                yield name[3:], _decode(name, content)
            case "ce-":
                yield name[3:], _decode(name, unquote_to_bytes(content))


def _decode(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        reason = f"header {name} is not UTF-8"
        raise NotACloudEvent(reason) from error


def _decode_data(value: bytes, content_type: object) -> Any:  # noqa: ANN401 - data may be any JSON
    if content_type and not (isinstance(content_type, str) and _is_json(content_type)):
        return value
    return _decode_json(value, "the data") if value else None


def _decode_json(value: bytes, what: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        reason = f"{what} is not JSON: {error.msg} at character {error.pos}"
        raise NotACloudEvent(reason) from error


def _is_json(content_type: str) -> bool:
    return _JSON_TYPE.fullmatch(content_type.partition(";")[0].strip()) is not None


def _is_text(content: object) -> bool:
    return isinstance(content, str) and _CONTROL.search(content) is None


def _received(members: Mapping[str, Any], data: Any) -> ReceivedEvent:  # noqa: ANN401 - data may be any JSON
    if members.get("specversion") != SPECVERSION:
        reason = f"specversion must be {SPECVERSION!r}, not {members.get('specversion')!r}"
        raise NotACloudEvent(reason)
    for name in REQUIRED:
        if not members.get(name) or not _is_text(members[name]):
            reason = f"{name} must be a non-empty string without control characters"
            raise NotACloudEvent(reason)
    attributes = {
        name: content for name, content in members.items() if isinstance(content, int | bool) or _is_text(content)
    }
    return ReceivedEvent(
        id=members["id"],
        source=members["source"],
        type=members["type"],
        attributes=MappingProxyType(attributes),
        data=data,
    )
