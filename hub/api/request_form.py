"""Checks the form of a request before anything reads it. In: its address and headers. Out: nothing, or an error.

What is checked needs no knowledge of the resource: NUL, media types, compression, the methods of a path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers

from hub.errors import (
    EncodingNotSupported,
    FieldError,
    FieldLocation,
    InvalidInput,
    MediaNotAccepted,
    MediaNotSupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Scope

BASE: Final = "/v1"
_JSON: Final = re.compile(r"application/([\w.-]+\+)?json")
_TAKES_JSON: Final = re.compile(r"application/(([\w.-]+\+)?json|x-ndjson|\*)|\*/\*")
_WRITES: Final = frozenset({"POST", "PUT", "PATCH"})
_PLAIN: Final = frozenset({"", "identity"})


def check_form(scope: Scope) -> None:
    """Raise an error for a request of a form that no call takes."""
    if faults := list(_nul_characters(scope)):
        raise InvalidInput(faults)
    headers = Headers(scope=scope)
    if not {coding.strip().lower() for coding in _joined(headers, "content-encoding").split(",")} <= _PLAIN:
        raise EncodingNotSupported
    if not is_call(scope):
        return
    if not _takes_json(_joined(headers, "accept")):
        raise MediaNotAccepted
    is_read = scope["method"] in _WRITES and has_body(headers)
    if is_read and not _JSON.fullmatch(_media_type(headers.get("content-type", ""))):
        raise MediaNotSupported


def is_call(scope: Scope) -> bool:
    """Return whether a request is a call of the API, and not of a page or of what watches over the hub."""
    return bool(scope["path"].startswith(f"{BASE}/"))


def has_body(headers: Headers) -> bool:
    """Return whether a request brings a body."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _joined(headers: Headers, name: str) -> str:
    """Return a header that lists something; on several lines it means the same as on one (RFC 9110, 5.3)."""
    return ",".join(headers.getlist(name))


def _nul_characters(scope: Scope) -> Iterator[FieldError]:
    detail = "it holds the character NUL"
    if b"%00" in scope.get("raw_path", b""):
        yield FieldError(in_=FieldLocation.PATH, field="", code="nul_character", detail=detail)
    if b"%00" in scope["query_string"]:
        for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            if "\x00" in name or "\x00" in value:
                field = "/" + name.replace("\x00", "")
                yield FieldError(in_=FieldLocation.QUERY, field=field, code="nul_character", detail=detail)


def _takes_json(accept: str) -> bool:
    ranges = [part.strip() for part in accept.split(",") if part.strip()]
    return not ranges or any(
        _TAKES_JSON.fullmatch(_media_type(part)) and not re.search(r";\s*q=0(\.0*)?\s*(;|$)", part) for part in ranges
    )


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()
