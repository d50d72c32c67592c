"""The published documents: which there are, from which models they are made, and how to read the committed files.

In: the models. Out: JSON Schema documents, by file name. `schemas.generate` writes them, the API serves them as
`/v1/schemas/<file name>`, the `dataschema` attribute of an event points at one.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from schemas.envelope import CloudEvent, DeliveryEvent, ForwardedMessage, MandateEvent, NoticeEvent, ReportEvent
from schemas.messages import DeliveryChange, MandateChange, Report, SubscriptionNotice

MANDATE_CHANGE: Final = "mandate-change.v1.json"
DELIVERY_CHANGE: Final = "delivery-change.v1.json"
REPORT: Final = "report.v1.json"
SUBSCRIPTION_NOTICE: Final = "subscription-notice.v1.json"

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FOLDER: Final = "json"
ASYNCAPI: Final = "asyncapi.json"

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


def dataschema(public_url: str, document: str) -> str:
    """Return the address at which a hub serves a document; `public_url` is the hub's own, without `/v1`."""
    return f"{public_url.rstrip('/')}/v1/schemas/{document}"


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


@cache
def read_document(name: str) -> bytes:
    """Read the committed file of a document; `KeyError` when it is none of ours."""
    if name not in DOCUMENTS:
        raise KeyError(name)
    return (files("schemas") / FOLDER / name).read_bytes()


@cache
def read_asyncapi() -> bytes:
    """Read the committed description of topics, webhook and messages."""
    return (files("schemas") / ASYNCAPI).read_bytes()


def to_text(document: dict[str, Any]) -> str:
    """Write a document as the committed file holds it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
