"""Laws of the envelope: what is written is read back in either mode, and what is no event says why."""

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cloudevents import (
    ATTRIBUTES,
    HTTP_CONTENT_TYPE,
    KAFKA_CONTENT_TYPE,
    KAFKA_HEADERS,
    NotACloudEvent,
    encode,
    event_source,
    read,
    write_sequence,
    write_time,
)
from schemas.identifiers import Oin
from schemas.kinds import EventType

STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
MINIMAL = {"specversion": "1.0", "id": "1", "source": "urn:duo", "type": "nl.osr.report.v1"}

WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)
ENVELOPES = st.fixed_dictionaries(
    {"specversion": st.just("1.0"), "id": WORDS, "source": WORDS, "type": WORDS},
    optional=dict.fromkeys(("subject", "partitionkey", "sequence", "traceparent"), WORDS),
)


@given(ENVELOPES, DATA)
def test_what_is_encoded_is_read_back(attributes: dict[str, object], data: object) -> None:
    """Structured mode keeps every attribute and the data."""
    event = read(encode(attributes, data), KAFKA_HEADERS)
    assert event.attributes == attributes
    assert (event.id, event.source, event.type) == (attributes["id"], attributes["source"], attributes["type"])
    assert event.data == data


@given(ENVELOPES, DATA)
def test_binary_records_of_kafka_are_read(attributes: dict[str, str], data: object) -> None:
    """Attributes in `ce_` headers and data as the value make the same event."""
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    event = read(orjson.dumps(data), [*headers, ("content-type", b"application/json")])
    assert event.attributes == {**attributes, "datacontenttype": "application/json"}
    assert event.data == data


@given(ENVELOPES, DATA)
def test_binary_requests_over_http_are_read(attributes: dict[str, str], data: object) -> None:
    """Attributes in percent-encoded `Ce-` headers and data as the body make the same event."""
    headers = [(f"Ce-{name.title()}", quote(value).encode()) for name, value in attributes.items()]
    event = read(orjson.dumps(data), [*headers, ("Content-Type", b"application/json; charset=utf-8")])
    assert event.attributes == {**attributes, "datacontenttype": "application/json; charset=utf-8"}
    assert event.data == data


def test_attributes_are_written_in_one_order_and_absent_ones_left_out() -> None:
    """The bytes of an event do not depend on the order in which its parts were put together."""
    attributes: dict[str, object] = {
        "ledgerepoch": 1,
        "type": EventType.GRANTED,
        "subject": None,
        "id": "a",
        "source": "s",
        "specversion": "1.0",
    }
    written = (
        b'{"specversion":"1.0","id":"a","source":"s","type":"nl.osr.mandate.granted.v1","ledgerepoch":1,"data":{"x":1}}'
    )
    assert encode(attributes, {"x": 1}) == written
    assert encode(dict(reversed(attributes.items())), orjson.Fragment(b'{"x":1}')) == written


def test_an_attribute_that_is_not_ours_is_not_written() -> None:
    """A misspelt attribute is an error of ours, not a new attribute."""
    with pytest.raises(ValueError, match=r"\['partitionKey'\]"):
        encode({**MINIMAL, "partitionKey": "18DS"}, None)


def test_attribute_names_follow_the_profile() -> None:
    """Names are at most twenty lower-case letters or digits."""
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in ATTRIBUTES)


def test_content_types_are_those_that_were_agreed() -> None:
    """Kafka and HTTP each have their own spelling."""
    assert KAFKA_CONTENT_TYPE == "application/cloudevents+json; charset=UTF-8"
    assert HTTP_CONTENT_TYPE == "application/cloudevents+json; charset=utf-8"


def test_four_attributes_are_enough() -> None:
    """An event without time, subject, key or data is an event."""
    event = read(json.dumps(MINIMAL).encode(), STRUCTURED)
    assert event.data is None
    assert event.text("partitionkey") is None


def test_what_we_do_not_know_is_let_through() -> None:
    """Unknown attributes are kept when they are scalars, passed over when they are not."""
    sent = {
        **MINIMAL,
        "knownbyduo": "yes",
        "count": 3,
        "nested": {"a": 1},
        "nothing": None,
        "odd": "a\x00b",
        "time": "?",
    }
    event = read(json.dumps(sent).encode(), STRUCTURED)
    assert event.attributes == {**MINIMAL, "knownbyduo": "yes", "count": 3, "time": "?"}
    assert event.text("count") == "3"


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"Application/CloudEvents+JSON; charset=UTF-8",
        b"application/cloudevents",
        b"application/json",
        None,
    ],
)
def test_structured_mode_is_known_by_its_content_type_or_its_content(content_type: bytes | None) -> None:
    """A sender that forgets the content type is understood when the value holds an envelope."""
    assert read(json.dumps(MINIMAL).encode(), [("content-type", content_type)]).id == "1"
    assert read(json.dumps(MINIMAL).encode(), [("Content-Type", content_type)]).id == "1"


def test_packed_data_is_unpacked() -> None:
    """Data in base64 are decoded, and read as JSON unless the sender says that they are something else."""
    packed = base64.b64encode(b'{"a":1}').decode()
    event = read(json.dumps({**MINIMAL, "data_base64": packed}).encode(), STRUCTURED)
    assert event.data == {"a": 1}
    other = {**MINIMAL, "data_base64": packed, "datacontenttype": "application/octet-stream"}
    assert read(json.dumps(other).encode(), STRUCTURED).data == b'{"a":1}'


def test_structured_content_wins_over_headers() -> None:
    """A structured record may repeat its attributes as headers; they are not looked at."""
    event = read(json.dumps(MINIMAL).encode(), [*STRUCTURED, ("ce_id", b"other"), ("ce_extra", b"\xff")])
    assert event.attributes == MINIMAL


BINARY = [(f"ce_{name}", content.encode()) for name, content in MINIMAL.items()]


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (None, STRUCTURED, "empty"),
        (b"", STRUCTURED, "empty"),
        (None, BINARY, "empty"),
        (b"", BINARY, "empty"),
        (b"\xff\xfe", STRUCTURED, "the event is not JSON"),
        (b"[]", STRUCTURED, "no object: list"),
        (b"7", [], "no object: int"),
        (b"{}", STRUCTURED, "specversion must be '1.0', not None"),
        (b'{"deliveryId":"1","status":"processed"}', [], "specversion"),
        (b'{"specversion":"0.3","id":"1","source":"s","type":"t"}', STRUCTURED, "not '0.3'"),
        (b'{"specversion":1.0,"id":"1","source":"s","type":"t"}', STRUCTURED, "specversion"),
        (b'{"specversion":"1.0","source":"s","type":"t"}', STRUCTURED, "id must be"),
        (b'{"specversion":"1.0","id":"","source":"s","type":"t"}', STRUCTURED, "id must be"),
        (b'{"specversion":"1.0","id":7,"source":"s","type":"t"}', STRUCTURED, "id must be"),
        (b'{"specversion":"1.0","id":"a\\u0000","source":"s","type":"t"}', STRUCTURED, "id must be"),
        (b'{"specversion":"1.0","id":"1","source":null,"type":"t"}', STRUCTURED, "source must be"),
        (b'{"specversion":"1.0","id":"1","source":"s"}', STRUCTURED, "type must be"),
        (b"[{}]", [("content-type", b"application/cloudevents-batch+json")], "one at a time"),
        (b"{}", [("content-type", b"application/cloudevents+avro")], "as JSON"),
        (b"hello", [("content-type", b"text/plain")], "neither structured nor binary"),
        (b"{}", [("content-type", b"\xff")], "header content-type is not UTF-8"),
        (b"{}", [*BINARY[1:]], "specversion"),
        (b"{}", [*BINARY, ("ce_subject", b"\xff")], "header ce_subject is not UTF-8"),
        (b"{", BINARY, "the data is not JSON"),
        (b"[" * 100_000, STRUCTURED, "not JSON"),
    ],
)
def test_everything_else_is_refused_with_its_reason(
    value: bytes | None, headers: list[tuple[str, bytes]], reason: str
) -> None:
    """No bytes and headers make anything but an event or one error, whose text says what is wrong."""
    with pytest.raises(NotACloudEvent) as caught:
        read(value, headers)
    assert reason in caught.value.reason


@pytest.mark.parametrize("packed", ["not base64!", 7, "é"])
def test_packed_data_must_be_base64(packed: object) -> None:
    """Data that cannot be unpacked make no event."""
    with pytest.raises(NotACloudEvent, match="no base64"):
        read(json.dumps({**MINIMAL, "data_base64": packed}).encode(), STRUCTURED)


def test_data_come_once() -> None:
    """Plain and packed data together contradict each other."""
    with pytest.raises(NotACloudEvent, match="both data and data_base64"):
        read(json.dumps({**MINIMAL, "data": 1, "data_base64": "MQ=="}).encode(), STRUCTURED)


@given(
    st.none() | st.binary(max_size=60),
    st.lists(
        st.tuples(
            st.sampled_from(["content-type", "ce_id", "ce_specversion", "ce-type", "CE_SOURCE", "x"]),
            st.none() | st.binary(max_size=30) | st.just(b"application/cloudevents+json"),
        ),
        max_size=6,
    ),
)
def test_no_bytes_are_anything_but_an_event_or_not_one(
    value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    """Whatever is on a topic, reading it raises nothing but `NotACloudEvent`."""
    with contextlib.suppress(NotACloudEvent):
        assert read(value, headers).id


@given(st.integers(0, 10**20 - 1), st.integers(0, 10**20 - 1))
def test_sequences_sort_as_text_as_they_do_as_numbers(one: int, other: int) -> None:
    """Twenty digits make the order of text the order of numbers."""
    assert (write_sequence(one) < write_sequence(other)) == (one < other)
    assert int(write_sequence(one)) == one


def test_a_sequence_has_twenty_digits() -> None:
    """Number 42 as it is on the wire."""
    assert write_sequence(42) == "00000000000000000042"


def test_moments_are_written_in_utc_with_milliseconds() -> None:
    """Another offset is converted and microseconds are cut off."""
    amsterdam = timezone(timedelta(hours=1))
    assert write_time(datetime(2026, 11, 23, 9, 0, 0, 123_999, UTC)) == "2026-11-23T09:00:00.123Z"
    assert write_time(datetime(2026, 11, 23, 10, 0, tzinfo=amsterdam)) == "2026-11-23T09:00:00.000Z"


def test_a_moment_without_a_zone_is_not_written() -> None:
    """Nobody could tell what it means."""
    with pytest.raises(ValueError, match="without a time zone"):
        write_time(datetime(2026, 11, 23, 9, 0))  # noqa: DTZ001 - the case itself


def test_the_hub_names_itself_by_its_oin() -> None:
    """The source is the URN of the hub's organisation and system."""
    assert event_source(Oin("00000099000000000001")) == "urn:nld:oin:00000099000000000001:systeem:osr-hub"
