"""Laws of the published documents: they say what the code does, and real messages hold to them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]

from schemas import generate
from schemas.asyncapi import make_asyncapi
from schemas.cloudevents import encode, event_source, write_sequence, write_time
from schemas.documents import MANDATE_CHANGE, REPORT, dataschema, read_document
from schemas.envelope import ForwardedMessage
from schemas.identifiers import Oin
from schemas.published import DOCUMENTS
from schemas.topics import TOPICS

DELIVERY = "01936b2e-0000-7000-8000-000000000001"
MANDATE = "01936b2e-0000-7000-8000-000000000002"
EVENT = "01936b2e-0000-7000-8000-000000000003"
DATA: dict[str, Any] = {
    "mandateId": MANDATE,
    "mandateVersion": 1,
    "state": "active",
    "changes": ["granted"],
    "brin": "18DS",
    "schoolOin": "0000000700018DS00000",
    "bgeCode": "41561",
    "serviceCode": "VVA",
    "supplierOin": "00000099000000001000",
    "systemName": "Voorbeeld LAS",
    "startDate": "2026-11-23",
    "endDate": None,
    "branches": [{"branch": "18DS00", "routingId": "0000000700018DS00001"}],
    "copiedFrom": None,
}


def _attributes() -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": DELIVERY,
        "source": event_source(Oin("00000099000000000001")),
        "type": "nl.osr.mandate.granted.v1",
        "subject": "0000000700018DS00000",
        "time": write_time(datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        "datacontenttype": "application/json",
        "dataschema": dataschema("https://hub.example/", MANDATE_CHANGE),
        "partitionkey": "18DS",
        "sequence": write_sequence(42),
        "previoussequence": write_sequence(41),
        "correlationid": MANDATE,
        "causationid": EVENT,
        "branch": "18DS00",
        "routingid": "0000000700018DS00001",
        "ledgerepoch": 1,
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }


def _validator(name: str) -> Draft202012Validator:
    schema = orjson.loads(read_document(name))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def _references(node: object) -> list[str]:
    """Collect every `$ref` in a document."""
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for child in node.values() for found in _references(child)]
    if isinstance(node, list):
        return [found for child in node for found in _references(child)]
    return []


def _resolve(document: dict[str, Any], reference: str) -> object:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_committed_documents_are_those_that_the_code_makes() -> None:
    """Nothing differs, nothing is missing, nothing is left over."""
    assert generate.find_differences(generate.ROOT) == []
    assert generate.main(["--check"]) == 0


def test_each_kind_of_difference_is_named(tmp_path: Path) -> None:
    """A file that is changed, missing or left over is named, and writing again puts it right."""
    generate.write_files(tmp_path)
    assert generate.find_differences(tmp_path) == []
    (tmp_path / "json" / REPORT).write_text("{}", encoding="utf-8")
    (tmp_path / "json" / MANDATE_CHANGE).unlink()
    (tmp_path / "json" / "old.v1.json").write_text("{}", encoding="utf-8")
    assert sorted(generate.find_differences(tmp_path)) == [
        "json/mandate-change.v1.json: missing",
        "json/old.v1.json: no longer made",
        "json/report.v1.json: out of date",
    ]
    generate.write_files(tmp_path)
    assert generate.find_differences(tmp_path) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_a_valid_schema_with_its_own_name(name: str) -> None:
    """Each is JSON Schema 2020-12 and knows its file name."""
    assert _validator(name).schema["$id"] == name


def test_no_other_document_is_served() -> None:
    """A name that is not in the list, or that climbs out of the folder, is not read."""
    for name in ("secret.json", "../__init__.py"):
        with pytest.raises(KeyError):
            read_document(name)


def test_an_encoded_message_holds_to_the_published_schemas() -> None:
    """The bytes that the hot path writes are what the documents and the model promise."""
    written = encode(_attributes(), DATA)
    message = orjson.loads(written)
    _validator("forwarded-message.v1.json").validate(message)
    _validator("cloudevent.v1.json").validate(message)
    _validator(MANDATE_CHANGE).validate(message["data"])
    assert ForwardedMessage.model_validate_json(written).data.brin == "18DS"


@pytest.mark.parametrize("name", ["sequence", "causationid", "ledgerepoch", "partitionkey", "dataschema", "time"])
def test_a_forwarded_message_lacks_nothing_that_is_promised(name: str) -> None:
    """Each promised attribute is required by the published schema."""
    message = orjson.loads(encode({**_attributes(), name: None}, DATA))
    with pytest.raises(ValidationError, match=f"'{name}' is a required property"):
        _validator("forwarded-message.v1.json").validate(message)


def test_the_schema_of_a_report_demands_one_naming_as_the_code_does() -> None:
    """One of the two ways is valid, none, half and both are not."""
    validator = _validator(REPORT)
    said = {"status": "processed", "reportedAt": "2026-11-23T09:00:00Z"}
    by_mandate = {"mandateId": MANDATE, "mandateVersion": 1}
    assert validator.is_valid({**said, "deliveryId": DELIVERY})
    assert validator.is_valid({**said, **by_mandate})
    assert not validator.is_valid(said)
    assert not validator.is_valid({**said, "mandateId": MANDATE})
    assert not validator.is_valid({**said, **by_mandate, "deliveryId": DELIVERY})


def test_asyncapi_names_every_topic_and_points_at_nothing_that_is_not_there() -> None:
    """Each topic has a channel, the webhook and the notices too, and every reference resolves."""
    document = make_asyncapi()
    addresses = [channel["address"] for channel in document["channels"].values()]
    assert addresses == [*(topic.name for topic in TOPICS), None, None]
    assert len(document["operations"]) == len(TOPICS) + 2
    for reference in _references(document):
        assert _resolve(document, reference)
