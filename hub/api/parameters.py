"""Parameters that operations share. In: `limit`, `cursor` and `If-Match` of a request. Out: a `Paging`, or an error."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Header, Query, Request

from hub.errors import PreconditionFailed, PreconditionRequired
from hub.register import VersionCheck
from hub.views.paging import DEFAULT_LIMIT, HIGHEST_LIMIT, Paging, list_fingerprint

IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag of the version that this changes.")]


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def matching(if_match: str | None, *, required: bool = False) -> VersionCheck | None:
    """Return the check of a version against `if_match`; None where a call needs none and has none."""
    return partial(check_match, if_match, required=required) if required or if_match is not None else None


def check_match(if_match: str | None, version: int, *, required: bool = False) -> None:
    """Raise unless `if_match` names this version: 412 when another, 428 when `required` and absent.

    A weak tag never matches (RFC 9110, 13.1.1).
    """
    if if_match is None:
        if required:
            raise PreconditionRequired
        return
    tags = {tag.strip() for tag in if_match.split(",")}
    if tags != {"*"} and etag(version) not in tags:
        raise PreconditionFailed


async def _paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=HIGHEST_LIMIT, description="At most this many items.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(description="`next` of the page before, with the same filters.")] = None,
) -> Paging:
    fingerprint = list_fingerprint(request.scope["path"], request.query_params.multi_items())
    return Paging(fingerprint=fingerprint, limit=limit, cursor=cursor)


PagingHere = Annotated[Paging, Depends(_paging)]
