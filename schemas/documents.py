"""The names of the published documents, and the committed files. In: a name. Out: its address, or its bytes.

No model is built here, so that what only names a document starts quickly; `schemas.published` makes the documents.
"""

from functools import cache
from importlib.resources import files
from typing import Final

MANDATE_CHANGE: Final = "mandate-change.v1.json"
DELIVERY_CHANGE: Final = "delivery-change.v1.json"
REPORT: Final = "report.v1.json"
SUBSCRIPTION_NOTICE: Final = "subscription-notice.v1.json"
FOLDER: Final = "json"
ASYNCAPI: Final = "asyncapi.json"


def dataschema(public_url: str, document: str) -> str:
    """Return the address at which a hub serves a document; `public_url` is the hub's own, without `/v1`."""
    return f"{public_url.rstrip('/')}/v1/schemas/{document}"


@cache
def document_names() -> tuple[str, ...]:
    """Return the names of all documents; `schemas.generate --check` holds the files to the models."""
    return tuple(sorted(path.name for path in (files("schemas") / FOLDER).iterdir() if path.name.endswith(".json")))


@cache
def read_document(name: str) -> bytes:
    """Read the committed file of a document; `KeyError` when it is none of ours."""
    if name not in document_names():
        raise KeyError(name)
    return (files("schemas") / FOLDER / name).read_bytes()


@cache
def read_asyncapi() -> bytes:
    """Read the committed description of topics, webhook and messages."""
    return (files("schemas") / ASYNCAPI).read_bytes()
