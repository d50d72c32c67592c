"""Which part of a list a request asks for. In: `limit` and `cursor` of a request. Out: a `Paging`."""

from typing import Annotated

from fastapi import Depends, Query, Request

from hub.views.paging import DEFAULT_LIMIT, HIGHEST_LIMIT, Paging, list_fingerprint


def _paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=HIGHEST_LIMIT, description="At most this many items.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(description="`next` of the page before, with the same filters.")] = None,
) -> Paging:
    fingerprint = list_fingerprint(request.scope["path"], request.query_params.multi_items())
    return Paging(fingerprint=fingerprint, limit=limit, cursor=cursor)


PagingHere = Annotated[Paging, Depends(_paging)]
