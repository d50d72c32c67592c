"""Static files of the pages. In: a name with the digest of the content. Out: the file, kept by browsers for a year."""

from __future__ import annotations

from hashlib import sha256
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response

STATIC_DIR: Final = Path(__file__).parent / "static"
OWN: Final = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "docs.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
SWAGGER: Final = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
"""Swagger UI, by Apache 2.0, as the package fastapi-swagger ships it."""
MEDIA_TYPES: Final = {**OWN, **SWAGGER}
FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
router = APIRouter(include_in_schema=False)


def static_path(name: str) -> str:
    """Return the address of a file; it changes when the file does."""
    return f"/console/static/{_DIGESTS[name]}/{name}"


@router.get("/console/static/{digest}/{name}")
async def get_static(digest: str, name: str) -> Response:
    """Return a file under the digest of its content."""
    if _DIGESTS.get(name) != digest:
        return Response(status_code=int(HTTPStatus.NOT_FOUND))
    headers = {"Cache-Control": FOR_A_YEAR, "X-Content-Type-Options": "nosniff"}
    return Response(_CONTENTS[name], media_type=MEDIA_TYPES[name], headers=headers)


_CONTENTS: Final = {
    **{name: (STATIC_DIR / name).read_bytes() for name in OWN},
    **{name: resources.files("fastapi_swagger.resources").joinpath(name).read_bytes() for name in SWAGGER},
}
_DIGESTS: Final = {name: sha256(content).hexdigest()[:16] for name, content in _CONTENTS.items()}
