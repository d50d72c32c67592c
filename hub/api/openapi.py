"""The description of the API, made from the code. Out: OpenAPI 3.1 at `/v1/openapi.json`, open to all.

Paths are given without `/v1`, which stands in the server's address; problems stand in for the framework's own errors.
"""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.api.middleware import API_VERSION, BASE
from hub.api.problems import MEDIA_TYPE, Problem, ProblemField

TITLE: Final = "OSR hub"
SUMMARY: Final = "Mandates of the Onderwijs Serviceregister: what changed, who was told, and what they did with it."
CONTACT: Final = {
    "name": "Kennisnet Support",
    "email": "support@kennisnet.nl",
    "url": "https://www.kennisnet.nl/onderwijs-service-register/",
}
_PROBLEMS: Final = {"400": "Something in the request is wrong; every wrong field is named.", "default": "A problem."}
_VERSION_HEADER: Final = {"description": "The version of this API.", "schema": {"type": "string"}}


def install(app: FastAPI, address: str) -> None:
    """Serve the description, which is made once, when it is first asked for."""
    made: list[dict[str, Any]] = []

    def describe() -> dict[str, Any]:
        if not made:
            made.append(make_description(app, address))
        return made[0]

    async def show(_request: Request) -> Response:
        return JSONResponse(describe(), headers={"Access-Control-Allow-Origin": "*"})

    app.openapi = describe  # type: ignore[method-assign]  # the framework's documented way
    app.add_route(f"{BASE}/openapi.json", show, include_in_schema=False)


def make_description(app: FastAPI, address: str) -> dict[str, Any]:
    """Describe the routes of an application that is reached at `address`."""
    described = get_openapi(
        title=TITLE,
        version=API_VERSION,
        summary=SUMMARY,
        routes=app.routes,
        servers=[{"url": address + BASE}],
        contact=CONTACT,
    )
    described["paths"] = {
        path.removeprefix(BASE): {method: _finish(call) for method, call in calls.items()}
        for path, calls in described.get("paths", {}).items()
    }
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model in (Problem, ProblemField):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    schemas["Place"] = {"type": "string", "enum": ["body", "query", "path", "header"]}
    return described


def _finish(call: dict[str, Any]) -> dict[str, Any]:
    answers = call["responses"]
    answers.pop("422", None)
    for status, says in _PROBLEMS.items():
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        answers.setdefault(status, {"description": says, "content": content})
    for given in answers.values():
        given.setdefault("headers", {})["API-Version"] = _VERSION_HEADER
    return call
