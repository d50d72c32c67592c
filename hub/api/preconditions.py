"""ETags. In: the version that a caller holds. Out: nothing, or an error when the current version is another."""

from typing import Annotated

from fastapi import Header

from hub.errors import PreconditionFailed, PreconditionRequired

IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag of the version that this changes.")]


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


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
