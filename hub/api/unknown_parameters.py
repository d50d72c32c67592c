"""Refuses query parameters that a call does not have. In: a request. Out: nothing, or every such parameter in a 400.

A misspelt filter would otherwise answer with everything, and one that is given twice with half of what was asked.
"""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import Depends, Request

from hub.api.answers import in_camel
from hub.api.request_form import BASE
from hub.errors import FieldError, FieldLocation, InvalidInput

MAX_SHOWN: Final = 100


def refuse_unknown(request: Request) -> None:
    """Raise `InvalidInput` for query parameters that the description of the call does not have, or has once only."""
    if request.scope["query_string"] and (faults := list(_faults(request))):
        raise InvalidInput(faults)


async def _check(request: Request) -> None:
    refuse_unknown(request)


KnownParameters: Final = Depends(_check)


def _faults(request: Request) -> Iterator[FieldError]:
    known = _parameters(request)
    given = [name for name, _ in request.query_params.multi_items()]
    for name in dict.fromkeys(given):
        if name not in known:
            said = (
                f"this call has the parameters {', '.join(sorted(known))}" if known else "this call has no parameters"
            )
            yield _fault(name, "unknown_parameter", said)
        elif given.count(name) > 1 and not _is_list(known[name]):
            yield _fault(name, "repeated_parameter", "this parameter is given once")


def _parameters(request: Request) -> dict[str, Any]:
    """Return the query parameters of a call, with their schemas, from the description."""
    route = request.scope.get("route")
    template = in_camel(getattr(route, "path_format", "").removeprefix(BASE))
    call = request.app.openapi()["paths"].get(template, {}).get(request.method.lower(), {})
    return {each["name"]: each["schema"] for each in call.get("parameters", ()) if each["in"] == "query"}


def _is_list(schema: dict[str, Any]) -> bool:
    return "array" in {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", ()))}


def _fault(name: str, code: str, detail: str) -> FieldError:
    return FieldError(in_=FieldLocation.QUERY, field=f"/{name[:MAX_SHOWN]}", code=code, detail=detail)
