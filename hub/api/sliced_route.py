"""Routes whose bodies are lists of thousands. In: a request. Out: the same, whose body was checked in slices.

The framework reads and checks a body in one go, while nobody else is answered. Here the items of its long lists are
checked while they are read, and the model takes over what was found of them.
"""

from __future__ import annotations

from json import detect_encoding
from typing import TYPE_CHECKING, Any, Final

from fastapi.routing import APIRoute
from starlette.requests import Request

from hub.api.sliced_json import read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from starlette.responses import Response

    from hub.views.few_errors import CheckedList

SMALL: Final = 16 * 1024
"""A body that is not worth the trouble."""


def sliced_route(lists: Callable[[], Mapping[str, CheckedList]]) -> type[APIRoute]:
    """Return the kind of route whose bodies have these long lists at their top."""

    class SlicedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def handle(request: Request) -> Response:
                return await handler(_SlicedRequest(request, lists))

            return handle

    return SlicedRoute


class _SlicedRequest(Request):
    def __init__(self, request: Request, lists: Callable[[], Mapping[str, CheckedList]]) -> None:
        super().__init__(request.scope, request.receive)
        self._lists = lists

    async def json(self) -> Any:  # noqa: ANN401 - as the framework has it
        body = await self.body()
        if len(body) <= SMALL:
            return await super().json()
        return await read_object(body.decode(detect_encoding(body), "surrogatepass"), self._lists())
