"""The published documents as they are made. In: the models. Out: JSON Schema documents, by the names of their files.

`schemas.generate` writes them, the API serves them as `/v1/schemas/<file name>`, and the `dataschema` attribute of an
event points at one (`schemas.documents`).
"""

import json
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from schemas.documents import DELIVERY_CHANGE, MANDATE_CHANGE, REPORT, SUBSCRIPTION_NOTICE
from schemas.envelope import CloudEvent, DeliveryEvent, ForwardedMessage, MandateEvent, NoticeEvent, ReportEvent
from schemas.messages import DeliveryChange, MandateChange, Report, SubscriptionNotice

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

DOCUMENTS: Final[dict[str, tuple[type[BaseModel], JsonSchemaMode]]] = {
    "cloudevent.v1.json": (CloudEvent[Any], "validation"),
    MANDATE_CHANGE: (MandateChange, "serialization"),
    DELIVERY_CHANGE: (DeliveryChange, "serialization"),
    REPORT: (Report, "validation"),
    SUBSCRIPTION_NOTICE: (SubscriptionNotice, "serialization"),
    "mandate-event.v1.json": (MandateEvent, "serialization"),
    "forwarded-message.v1.json": (ForwardedMessage, "serialization"),
    "delivery-event.v1.json": (DeliveryEvent, "serialization"),
    "report-event.v1.json": (ReportEvent, "validation"),
    "notice-event.v1.json": (NoticeEvent, "serialization"),
}
"""Per file: its model, and whether it describes what others may send (validation) or what we write (serialization)."""


class Untitled(GenerateJsonSchema):
    """JSON Schemas without a title per field: it would only repeat the field's name, with other capitals."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's signature
        """Set none."""
        return False


def make_document(name: str) -> dict[str, Any]:
    """Make one JSON Schema document from its model."""
    model, mode = DOCUMENTS[name]
    schema = model.model_json_schema(by_alias=True, mode=mode, schema_generator=Untitled)
    return {"$schema": DIALECT, "$id": name, **schema}


def make_components(ref_template: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Make all models' schemas with shared definitions.

    Returns the reference of each document's model, by file name, and the definitions that they refer to.
    """
    pairs = list(DOCUMENTS.values())
    references, definitions = models_json_schema(
        pairs, by_alias=True, ref_template=ref_template, schema_generator=Untitled
    )
    return {name: references[pair]["$ref"] for name, pair in DOCUMENTS.items()}, definitions["$defs"]


def to_text(document: dict[str, Any]) -> str:
    """Write a document as the committed file holds it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
