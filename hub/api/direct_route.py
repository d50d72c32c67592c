"""Routes of the calls that come most. In: a request. Out: its response, without the framework's general ways.

The framework solves the dependencies of each request anew: it computes a key per dependency, finds out what kind of
function each is, and checks each answer that was made by a model already. Here that is found out once, at the start.
A request that is not plain (with parameters in its address, or with a body that is no JSON) goes the framework's way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final

import orjson
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from fastapi.dependencies.models import Dependant
    from starlette.requests import Request

REQUEST: Final = 0
RESPONSE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStep:
    """A function that a call depends on, and which values it is given, by their positions."""

    call: Callable[..., Awaitable[Any]]
    given: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class CallPlan:
    """What a call depends on, each once, in the order in which it is worked out; the call itself is the last."""

    steps: list[CallStep] = field(default_factory=list)
    _positions: dict[int, int] = field(default_factory=dict)

    def add(self, dependant: Dependant) -> int:
        """Add a function and all that it depends on; return the position of its value."""
        known = self._positions.get(id(dependant.call))
        if known is not None:
            return known
        given = [(each.name, self.add(each)) for each in dependant.dependencies]
        given += [(dependant.request_param_name, REQUEST), (dependant.http_connection_param_name, REQUEST)]
        given.append((dependant.response_param_name, RESPONSE))
        assert dependant.call is not None  # noqa: S101 - the framework leaves that to callers of its own
        self.steps.append(
            CallStep(call=dependant.call, given=tuple((name, at) for name, at in given if name is not None))
        )
        return self._positions.setdefault(id(dependant.call), RESPONSE + len(self.steps))


class DirectRoute(APIRoute):
    """A route that answers directly where all that its call depends on are coroutine functions that take a request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request of this route."""
        general, plan = super().get_route_handler(), CallPlan()
        if not is_direct(self.dependant):
            return general
        plan.add(self.dependant)

        async def handle(request: Request) -> Response:
            body = None
            if request.scope["query_string"]:
                return await general(request)
            if self.body_field is not None:
                body = _read(await request.body())
                if body is None:
                    return await general(request)
            return await self._answer(request, plan, body)

        return handle

    async def _answer(self, request: Request, plan: CallPlan, body: object) -> Response:
        """Work out what the call depends on, then its own parameters, then its answer."""
        response = Response(status_code=self.status_code or 200, media_type="application/json")
        values: list[Any] = [request, response]
        *before, endpoint = plan.steps
        for step in before:
            values.append(await step.call(**{name: values[at] for name, at in step.given}))
        given = self._parameters(request, body)
        given.update((name, values[at]) for name, at in endpoint.given)
        result = await endpoint.call(**given)
        if isinstance(result, Response):
            return result
        assert self.response_field is not None  # noqa: S101 - the call says what it answers
        response.body = self.response_field.serialize_json(result)
        response.headers["content-length"] = str(len(response.body))
        return response

    def _parameters(self, request: Request, body: object) -> dict[str, Any]:
        """Return the parameters of the call itself; raise everything that is wrong with them."""
        given: dict[str, Any] = {}
        errors: list[Any] = []
        own = self.dependant
        for fields, source in ((own.path_params, request.path_params), (own.header_params, request.headers)):
            if fields:
                found, wrong = request_params_to_args(fields, source)
                given |= found
                errors += wrong
        if self.body_field is not None:
            given[self.body_field.name], wrong = self.body_field.validate(body, loc=("body",))
            errors += wrong
        if errors:
            raise RequestValidationError(errors, body=body)
        return given


def is_direct(call: Dependant) -> bool:
    """Return whether a call has parameters of its path, headers and body alone, and depends on coroutine functions."""
    return not (call.query_params or call.cookie_params or call.background_tasks_param_name) and all(
        _is_step(each) for each in call.dependencies
    )


def _is_step(dependant: Dependant) -> bool:
    has_parameters = (
        *(dependant.path_params, dependant.query_params, dependant.header_params),
        *(dependant.cookie_params, dependant.body_params),
        *(dependant.security_scopes_param_name or "", dependant.background_tasks_param_name or ""),
    )
    call = dependant.call
    is_awaited = iscoroutinefunction(call) or iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004 - it is asked of it
    return is_awaited and not any(has_parameters) and all(_is_step(each) for each in dependant.dependencies)


def _read(body: bytes) -> object:
    """Return what a body says; None for what is no JSON, or nothing."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
