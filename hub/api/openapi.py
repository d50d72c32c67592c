"""The description of the API, generated from the code. Out: OpenAPI 3.1 at `/v1/openapi.json`, open to all.

Paths are given without `/v1`, which stands in the server's address; problems stand in for the framework's own errors.
"""

from functools import cache
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from hub.api import answers
from hub.api.middleware import API_VERSION
from hub.api.problems import Problem, ProblemField
from hub.api.request_form import BASE
from hub.api.unknown_parameters import refuse_unknown

TITLE: Final = "OSR hub"
SUMMARY: Final = "Mandates of the Onderwijs Serviceregister: what changed, who was told, and what they did with it."
CONTACT: Final = {
    "name": "Kennisnet Support",
    "email": "support@kennisnet.nl",
    "url": "https://www.kennisnet.nl/onderwijs-service-register/",
}
DESCRIPTION: Final = """\
A token's `roles` say what its bearer is, and `brins`, `bges` and `oin` for whom; next to a call stand the roles of \
which it takes one. To a caller, what it may not see is absent.

Lists come in pages: `next` of one is the `cursor` of the following. Answers are in UTC; requests may use any offset. \
What can be changed has an `ETag`; `If-Match` is required on `PATCH` and obeyed elsewhere. A `POST` with an \
`Idempotency-Key` is done once. Errors are problems (RFC 9457) that name all wrong fields at once; the address in \
`type` explains the kind.
"""


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation, by which generated clients call it."""
    return to_camel(route.name)


def install(app: FastAPI, address: str) -> None:
    """Serve the description, which is generated once."""

    @cache
    def describe() -> dict[str, Any]:
        return make_description(app, address)

    @cache
    def written() -> bytes:
        return orjson.dumps(describe())

    async def show(request: Request) -> Response:
        refuse_unknown(request)
        return Response(written(), media_type="application/json", headers={"Access-Control-Allow-Origin": "*"})

    app.openapi = describe  # type: ignore[method-assign]  # the framework's documented way
    app.add_route(f"{BASE}/openapi.json", show, include_in_schema=False)


def make_description(app: FastAPI, address: str) -> dict[str, Any]:
    """Describe the routes of an application with this public address."""
    described = get_openapi(
        title=TITLE,
        version=API_VERSION,
        summary=SUMMARY,
        description=DESCRIPTION,
        routes=app.routes,
        servers=[{"url": address + BASE}],
    )
    described["info"]["contact"] = CONTACT  # given above, it would need one more library
    described["paths"] = {
        answers.in_camel(path.removeprefix(BASE)): {
            method: answers.complete_operation(method, call) for method, call in calls.items()
        }
        for path, calls in described.get("paths", {}).items()
    }
    described["externalDocs"] = {"url": f"{address}/docs", "description": "Guides, and receivers to start from"}
    components = described.setdefault("components", {})
    components["responses"] = answers.describe_problems(address)
    _complete(components.setdefault("schemas", {}))
    return described


def _complete(schemas: dict[str, Any]) -> None:
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model in (Problem, ProblemField):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    schemas["FieldLocation"] = {"type": "string", "enum": ["body", "query", "path", "header"]}
