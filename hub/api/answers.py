"""The error responses of an operation, derived from its signature. In: an operation. Out: its complete description.

A problem is described where it can occur and nowhere else, so that generated clients know every response, and a test
can hold the API to the description.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from pydantic.alias_generators import to_camel

from hub.api.problems import MEDIA_TYPE, STATUSES, describe

Responses: TypeAlias = dict[int | str, dict[str, Any]]
DESCRIPTIONS: Final = {
    400: "Something in the request is wrong; every wrong field is named.",
    401: "There is no token, or one that is not believed.",
    403: "The token has none of the roles that this takes.",
    404: "There is no such thing, or the caller may not know of it.",
    406: "The caller takes no JSON.",
    408: "The rest of the request did not come in time.",
    409: "It does not go together with what is there; `code` says why.",
    412: "It was changed in the meantime.",
    413: "The body is larger than what is read.",
    415: "The body is no JSON, or is compressed.",
    428: "If-Match is missing.",
    429: "The caller asks too often.",
    431: "The head of the request is larger than what is read.",
    500: "The hub failed.",
    503: "A part that is needed does not answer now.",
}
VERSION: Final = {"description": "The version of this API.", "required": True, "schema": {"type": "string"}}
ETAG: Final = {"ETag": {"description": "The version.", "required": True, "schema": {"type": "string"}}}
LOCATION: Final = {"Location": {"description": "Where it is.", "required": True, "schema": {"type": "string"}}}
TAGGED: Final[Responses] = {200: {"headers": ETAG}}
"""For operations that answer with a version."""
ABSENT: Final[Responses] = {404: {}}
"""For operations whose query may name what does not exist."""
_KNOWN: Final = DESCRIPTIONS.keys() & {500, *map(int, STATUSES.values())}
_EXTRA: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"description": "How to be known.", "required": True, "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name for this request: it is done once, and asked again it is answered the same, for a day.",
    "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    "example": "5b0d3f2e-6c1a-4f43-9d55-2a4c1f0e7b11",
}
_WITH_BODY: Final = frozenset({"post", "put", "patch"})
_WRITES: Final = _WITH_BODY | {"delete"}
_NAME: Final = re.compile(r"\{(\w+)\}")


def describe_problems(address: str) -> dict[str, Any]:
    """Describe every problem once, with an example; `address` is the public address of the hub."""
    return {str(status): _problem(status, DESCRIPTIONS[status], address) for status in sorted(_KNOWN)}


def in_camel(path: str) -> str:
    """Write the parameters of a path in lower camel case, like all other names."""
    return _NAME.sub(lambda found: f"{{{to_camel(found[1])}}}", path)


def complete_operation(method: str, call: dict[str, Any]) -> dict[str, Any]:
    """Complete the description of one operation."""
    parameters = call.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            parameter["name"] = to_camel(parameter["name"])
        if parameter["name"] == "If-Match" and method == "patch":
            parameter["required"] = True
    if method == "post":
        parameters.append(_IDEMPOTENCY_KEY)
    if method == "patch" and "requestBody" in call:
        content = call["requestBody"]["content"]
        content["application/merge-patch+json"] = content.pop("application/json")  # which is read alike
    answers = call["responses"]
    answers.pop("422", None)
    for given in answers.values():
        given.setdefault("headers", {})["API-Version"] = VERSION
    for status in sorted(_KNOWN & {*_possible_statuses(method, call)}):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return call


def _possible_statuses(method: str, call: dict[str, Any]) -> Iterator[int]:
    yield from (400, 406, 429, 500, 503)
    secured = call.get("security", [])
    locations = {(parameter["in"], parameter["name"]) for parameter in call["parameters"]}
    if secured:
        yield 401
    if any(roles for requirement in secured for roles in requirement.values()):
        yield 403
    if any(location == "path" for location, _ in locations) or "404" in call["responses"]:
        yield 404
    if method in _WRITES:
        yield 409
    if ("header", "If-Match") in locations:
        yield 412
    if method == "patch":
        yield 428
    if method in _WITH_BODY:
        yield from (408, 413, 415)


def _problem(status: int, description: str, address: str) -> dict[str, Any]:
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": describe(HTTPStatus(status), address)}
    return {
        "description": description,
        "headers": {"API-Version": VERSION, **_EXTRA.get(status, {})},
        "content": {MEDIA_TYPE: content},
    }
