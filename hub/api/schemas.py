"""`/v1/schemas`: the JSON Schemas that messages name in `dataschema`. Out: the committed documents, open to all."""

from fastapi import APIRouter, Response

from hub.api.state import SettingsHere
from hub.errors import NotFound
from hub.views.models import CamelModel
from schemas.documents import dataschema, document_names, read_document

router = APIRouter(prefix="/schemas", tags=["schemas"])


class SchemasBody(CamelModel):
    """Where the documents are, by name."""

    schemas: dict[str, str]


@router.get("")
async def list_schemas(settings: SettingsHere) -> SchemasBody:
    """List the documents."""
    return SchemasBody(schemas={name: dataschema(settings.http.address, name) for name in document_names()})


@router.get("/{name}", response_class=Response, responses={200: {"content": {"application/schema+json": {}}}})
async def get_schema(name: str) -> Response:
    """Read a document."""
    if name not in document_names():
        raise NotFound(f"no schema {name}")
    return Response(
        read_document(name), media_type="application/schema+json", headers={"Access-Control-Allow-Origin": "*"}
    )
