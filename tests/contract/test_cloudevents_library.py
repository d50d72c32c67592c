"""Our envelope and the official CloudEvents library understand each other, in both directions and both modes."""

from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings import http, kafka
from cloudevents.core.v1.event import CloudEvent

from schemas.cloudevents import (
    HTTP_CONTENT_TYPE,
    KAFKA_HEADERS,
    encode,
    event_source,
    read,
    write_sequence,
    write_time,
)
from schemas.identifiers import Oin

DATA = {"mandateId": "01936b2e-0000-7000-8000-000000000002", "brin": "18DS", "systemName": "Één LAS"}
SOURCE = event_source(Oin("00000099000000000001"))
MOMENT = datetime(2026, 11, 23, 9, 0, 0, 123_000, UTC)
ATTRIBUTES: dict[str, object] = {
    "specversion": "1.0",
    "id": "01936b2e-0000-7000-8000-000000000001",
    "source": SOURCE,
    "type": "nl.osr.mandate.granted.v1",
    "subject": "0000000700018DS00000",
    "time": write_time(MOMENT),
    "datacontenttype": "application/json",
    "dataschema": "https://hub.example/v1/schemas/mandate-change.v1.json",
    "partitionkey": "18DS",
    "sequence": write_sequence(42),
    "branch": "18DS00",
    "ledgerepoch": 1,
}


def _theirs() -> CloudEvent:
    """Make a report as somebody with the official library would."""
    attributes = {
        "id": "duo-1 é",
        "source": "urn:nld:oin:00000001800866472000:systeem:duo",
        "type": "nl.osr.report.v1",
        "specversion": "1.0",
        "time": MOMENT,
        "datacontenttype": "application/json",
        "partitionkey": "18DS",
    }
    return CloudEvent(attributes=attributes, data=DATA)


def _check_read_by_them(event: object) -> None:
    assert isinstance(event, CloudEvent)
    assert event.get_id() == ATTRIBUTES["id"]
    assert event.get_source() == SOURCE
    assert event.get_type() == "nl.osr.mandate.granted.v1"
    assert event.get_time() == MOMENT
    assert event.get_extension("sequence") == "00000000000000000042"
    assert event.get_extension("branch") == "18DS00"
    assert event.get_data() == DATA


def test_the_library_reads_our_records() -> None:
    """A record of ours is a structured event to it, with its key as the partition key."""
    message = kafka.KafkaMessage(headers=dict(KAFKA_HEADERS), key=b"18DS", value=encode(ATTRIBUTES, DATA))
    event = kafka.from_kafka_event(message)
    _check_read_by_them(event)
    assert event.get_extension("partitionkey") == "18DS"


def test_the_library_reads_our_webhooks() -> None:
    """A webhook's body is a structured event to it."""
    message = http.HTTPMessage(headers={"content-type": HTTP_CONTENT_TYPE}, body=encode(ATTRIBUTES, DATA))
    _check_read_by_them(http.from_http_event(message))


@pytest.mark.parametrize("write", [kafka.to_structured_event, kafka.to_binary_event])
def test_we_read_the_records_of_the_library(write: object) -> None:
    """Both modes of the Kafka binding give the same event."""
    assert callable(write)
    message = write(_theirs())
    event = read(message.value, list(message.headers.items()))
    assert event.id == "duo-1 é"
    assert event.type == "nl.osr.report.v1"
    assert event.text("time") == "2026-11-23T09:00:00.123000Z"
    assert event.text("partitionkey") == "18DS"
    assert event.data == DATA


@pytest.mark.parametrize("write", [http.to_structured_event, http.to_binary_event])
def test_we_read_the_requests_of_the_library(write: object) -> None:
    """Both modes of the HTTP binding give the same event."""
    assert callable(write)
    message = write(_theirs())
    headers = [(name, value.encode()) for name, value in message.headers.items()]
    event = read(message.body, headers)
    assert event.id == "duo-1 é"
    assert event.text("partitionkey") == "18DS"
    assert event.data == DATA
