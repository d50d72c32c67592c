"""Error handling of pages. In: what a page raised. Out: a page that shows the error, or a redirect."""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import errors
from hub.console.visit import NUL, FormOutlivedSession, Redirect, Visit, open_visit, unknown_visit
from hub.errors import HubError
from hub.store.pool import TRANSIENT_ERRORS, is_transient

HTTP_STATUSES: Final[Mapping[type[HubError], HTTPStatus]] = {
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooManyChanges: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
}
"""An error of another kind has the status of the kind that it is one of, or is a fault of ours."""
log = structlog.get_logger(__name__)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """The route of a page; errors become pages too."""

    def get_route_handler(self) -> Handler:
        """Wrap the handler of the page."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                _check_rate_limit(request)
                await _check_address(request)
                return await handle(request)
            except FormOutlivedSession:
                return await _keep_form(request)
            except Redirect as elsewhere:
                return RedirectResponse(elsewhere.path, int(HTTPStatus.SEE_OTHER))
            except RequestValidationError:
                return show_failure(await open_visit(request), errors.NotFound())
            except HubError as fault:
                return show_failure(await open_visit(request), fault)
            except Exception as error:  # noqa: BLE001 - whoever looks at a page gets a page
                return _show_unexpected(request, error)

        return answer


async def _keep_form(request: Request) -> Response:
    """Show what was filled in as a form to be sent again: after a login, or under the session that there is now."""
    here = await open_visit(request)
    try:
        form = await here.open_form()
    except HubError as fault:
        return show_failure(here, fault)
    kept = [(name, text) for name, texts in form.fields.items() if name != "secret" for text in texts]
    status = HTTPStatus.UNAUTHORIZED if here.caller is None else HTTPStatus.FORBIDDEN
    return here.show("outlived.html", status, kept=kept)


def _show_unexpected(request: Request, error: Exception) -> Response:
    """Render the page of an error that passes by itself, or of a fault of ours, and log it."""
    path = request.url.path
    if isinstance(error, TRANSIENT_ERRORS) and is_transient(error):
        log.warning("page.unavailable", path=path, error=str(error), next="the page asks to retry")
        return show_failure(unknown_visit(request), errors.Unavailable())
    log.error("page.failed", path=path, exc_info=error, next="mend it; the page says that the hub failed")
    return show_failure(unknown_visit(request), errors.HubError())


def _status_of(fault: HubError) -> HTTPStatus:
    found = (HTTP_STATUSES[kind] for kind in type(fault).__mro__ if kind in HTTP_STATUSES)
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def _check_rate_limit(request: Request) -> None:
    """Raise `TooManyRequests` when the rate limit asks this caller to wait."""
    wait = request.scope.get("hub.wait")
    if wait:
        raise errors.TooManyRequests(wait)


async def _check_address(request: Request) -> None:
    """Raise `NotFound` for a path, and `InvalidInput` for a query, that holds NUL."""
    if NUL in request.url.path or any(NUL in str(value) for value in request.path_params.values()):
        raise errors.NotFound
    if "%00" in request.url.query:
        here = await open_visit(request)
        for name, text in request.query_params.multi_items():
            here.refuse_nul(name, text)


def show_error(request: Request, fault: HubError) -> Response:
    """Render the page of an error outside all pages: an unknown address, a request that was not let through."""
    return show_failure(unknown_visit(request), fault)


def show_failure(here: Visit, fault: HubError) -> Response:
    """Render the page of an error."""
    answer = here.show("failed.html", _status_of(fault), says=here.words.fault(fault))
    if isinstance(fault, errors.TooManyRequests):
        answer.headers["Retry-After"] = str(fault.seconds)
    return answer
