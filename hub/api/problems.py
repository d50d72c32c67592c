"""Turns errors into problems. In: an exception. Out: `application/problem+json`, without any internals."""

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hub import errors
from hub.errors import FieldError, FieldLocation, HubError, InvalidInput
from hub.store.pool import is_transient
from hub.views.few_errors import MORE_ERRORS, MOST_ERRORS
from hub.views.models import CamelModel

ErrorPage: TypeAlias = Callable[[Request, HubError], Response]
"""Renders the page of an error."""
PROGRAMS: Final = ("/v1", "/health", "/metrics", "/problems")
"""Addresses for programs, which get problems whatever they accept."""
MEDIA_TYPE: Final = "application/problem+json"
STATUSES: Final[Mapping[type[HubError], HTTPStatus]] = {
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.MediaNotAccepted: HTTPStatus.NOT_ACCEPTABLE,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.MediaNotSupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.EncodingNotSupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    errors.HeadTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooManyChanges: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TooSlow: HTTPStatus.SERVICE_UNAVAILABLE,
}
FAILED: Final = "the hub failed; it is in its log"
_CODES: Final = {"missing": "required", "extra_forbidden": "unknown"}
_FORMS: Final = {
    "tuple_type": ("list_type", "expected a list"),
    "list_type": ("list_type", "expected a list"),
    "model_attributes_type": ("object_type", "expected an object"),
    "model_type": ("object_type", "expected an object"),
}
"""The JSON word for types that pydantic names as Python does."""


class ProblemField(CamelModel):
    """One wrong field of a request."""

    in_: FieldLocation = Field(alias="in")
    field: str
    code: str
    detail: str


class Problem(CamelModel):
    """What went wrong (RFC 9457); `errors` where fields are wrong, all of them at once."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemField] | None = None
    """At most a hundred of them."""
    more_errors: int | None = None
    """How many more fields are wrong of those that were checked, where not all are in `errors`."""


def problem_response(error: HubError, address: str) -> Response:
    """Return the problem of an error; `address` is the public address of the hub."""
    status = next(
        (STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), HTTPStatus.INTERNAL_SERVER_ERROR
    )
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        error = HubError(FAILED)
    body = orjson.dumps(_body(error, status, address))
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=_headers(error))


def error_response(request: Request, error: HubError, address: str, page: ErrorPage | None) -> Response:
    """Return the problem of an error, or its page for a browser that looks at pages."""
    is_page = not request.url.path.startswith(PROGRAMS) and "text/html" in request.headers.get("accept", "")
    return problem_response(error, address) if page is None or not is_page else page(request, error)


def describe(status: HTTPStatus, address: str) -> dict[str, Any]:
    """Return an example of the problem with this status."""
    kind = next((kind for kind, own in STATUSES.items() if own is status), HubError)
    if kind is InvalidInput:
        fault = FieldError(field="/endDate", code="before_start", detail="the end date lies before the start date")
        return _body(InvalidInput([fault]), status, address)
    if kind is errors.Conflict:
        return _body(errors.Conflict("overlap", "this system has a mandate for that time already"), status, address)
    return _body(kind() if kind is not HubError else HubError(FAILED), status, address)


def translate(error: Exception) -> HubError:
    """Return the hub's own error for one of a library: unreadable request, unavailable part, or failure of the hub."""
    match error:
        case HTTPException(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return errors.TooLarge(error.detail)
        case HTTPException(status_code=HTTPStatus.REQUEST_TIMEOUT):
            return errors.RequestTimeout()
        case HTTPException(status_code=HTTPStatus.NOT_FOUND):
            return errors.NotFound("there is nothing at this address")
        case HTTPException(status_code=HTTPStatus.BAD_REQUEST):
            return InvalidInput([FieldError(field="", code="not_json", detail="no JSON in UTF-8 that can be read")])
    return errors.Unavailable() if is_transient(error) else HubError()


def install(app: FastAPI, address: str, page: ErrorPage | None = None) -> None:
    """Register the handlers that answer every error with a problem, or a browser with a page."""

    async def of_hub(request: Request, error: Exception) -> Response:
        assert isinstance(error, HubError)  # noqa: S101 - registered for it
        return error_response(request, error, address, page)

    async def of_validation(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        return problem_response(InvalidInput([read_fault(fault) for fault in error.errors()]), address)

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        known = translate(error)
        if isinstance(known, errors.TooLarge | errors.RequestTimeout | errors.NotFound | InvalidInput):
            return error_response(request, known, address, page)
        is_other_method = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        return _plain(error, address, allow=_methods_at(app, request.url.path) if is_other_method else None)

    app.add_exception_handler(HubError, of_hub)
    app.add_exception_handler(RequestValidationError, of_validation)
    app.add_exception_handler(HTTPException, of_http)


def pointer(steps: Iterable[object]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _body(error: HubError, status: HTTPStatus, address: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": f"{address}/problems/{error.code if error.code != 'error' else 'internal'}",
        "title": status.phrase if error.code == "error" else error.code.replace("-", " ").capitalize(),
        "status": int(status),
        "detail": str(error) if not isinstance(error, InvalidInput) else error.detail,
        "code": _code(error),
    }
    if isinstance(error, InvalidInput):
        named = [each for each in error.errors if each.code != MORE_ERRORS][:MOST_ERRORS]
        body["errors"] = [{"in": e.in_, "field": e.field, "code": e.code, "detail": e.detail} for e in named]
        if more := sum(each.stands_for for each in error.errors) - len(named):
            body |= {"moreErrors": more, "detail": f"{body['detail']}; the first {len(named)} are named"}
        if unchecked := sum(each.unchecked for each in error.errors):
            body["detail"] += f"; {unchecked} more items were not checked"
    return body


def _methods_at(app: FastAPI, path: str) -> str | None:
    """Return the methods of a path in the description; each route knows its own method only."""
    description = app.openapi()
    base = urlsplit(description["servers"][0]["url"]).path
    found = {
        name
        for template, calls in description["paths"].items()
        if re.fullmatch(base + re.sub(r"\{\w+\}", "[^/]+", template), path)
        for method in calls
        for name in (("GET", "HEAD") if method == "get" else (method.upper(),))
    }
    return ", ".join(sorted(found)) or None


def _plain(error: HTTPException, address: str, *, allow: str | None) -> Response:
    status = HTTPStatus(error.status_code)
    kind = status.phrase.lower().replace(" ", "-")
    body = {
        "type": f"{address}/problems/{kind}",
        "title": status.phrase.capitalize(),
        "status": int(status),
        "detail": str(error.detail),
        "code": kind.replace("-", "_"),
    }
    headers = dict(error.headers or {})
    if allow is not None:
        headers["Allow"] = allow
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _code(error: HubError) -> str:
    match error:
        case errors.Conflict():
            return error.reason
        case InvalidInput() if len({e.code for e in error.errors}) == 1:
            return error.errors[0].code
        case _:
            return error.code.replace("-", "_")


def _headers(error: HubError) -> dict[str, str]:
    match error:
        case errors.NotAuthenticated():
            return {"WWW-Authenticate": 'Bearer error="invalid_token"' if error.was_given else "Bearer"}
        case errors.TooManyRequests():
            return {"Retry-After": str(error.seconds)}
        case errors.Unavailable():
            return {"Retry-After": "1"}
        case errors.EncodingNotSupported():
            return {"Accept-Encoding": "identity"}
        case _:
            return {}


def read_fault(fault: Mapping[str, Any]) -> FieldError:
    """Convert a fault that pydantic found; the first step of its `loc` is the part of the request."""
    where, *steps = fault["loc"]
    location = FieldLocation(where) if where in set(FieldLocation) else FieldLocation.BODY
    kind = str(fault["type"])
    if kind == "json_invalid":
        detail = f"no JSON: {fault['ctx']['error']} at character {steps[0]}"
        return FieldError(in_=location, field="", code="not_json", detail=detail)
    if kind == MORE_ERRORS:
        more, unchecked = int(fault["ctx"]["count"]), int(fault["ctx"]["unchecked"])
        return FieldError(
            in_=location, field="", code=kind, detail=str(fault["msg"]), stands_for=more, unchecked=unchecked
        )
    if location is FieldLocation.PATH:
        steps = [to_camel(str(step)) for step in steps]
    code, message = _FORMS.get(kind, (_CODES.get(kind, kind), str(fault["msg"]).removeprefix("Value error, ")))
    return FieldError(in_=location, field=pointer(steps), code=code, detail=message)
