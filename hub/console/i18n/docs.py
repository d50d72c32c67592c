"""What the pages for those who connect say; the guides themselves are Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "docs": ("Documentatie", "Documentation"),
    "docs_lead": (
        "Voor wie aansluit: een leverancier van een LAS, DUO, een nieuwe dienst.",
        "For those who connect: a supplier of a LAS, DUO, a new service.",
    ),
    "docs_guides": ("Handleidingen", "Guides"),
    "docs_interfaces": ("Koppelvlakken", "Interfaces"),
    "docs_api": ("De API", "The API"),
    "docs_events": ("Topics, webhook en berichten", "Topics, webhook and messages"),
    "docs_events_lead": (
        "Alle berichten zijn CloudEvents. Als document voor programma's (AsyncAPI):",
        "All messages are CloudEvents. As a document for programs (AsyncAPI):",
    ),
    "docs_schemas": ("JSON Schema's van de berichten", "JSON Schemas of the messages"),
    "docs_problems": ("Foutmeldingen van de API", "Problems that the API answers with"),
    "docs_receivers": ("Om mee te beginnen", "To start from"),
    "docs_no_script": (
        "Deze pagina heeft JavaScript nodig. De beschrijving zelf staat op",
        "This page needs JavaScript. The description itself is at",
    ),
    "contents": ("Op deze pagina", "On this page"),
    "field": ("Veld", "Field"),
    "form": ("Vorm", "Form"),
    "always": ("Altijd", "Always"),
    "meaning": ("Betekenis", "Meaning"),
    "attributes": ("Attributen van de envelop", "Attributes of the envelope"),
    "partitions": ("{n} partities", "{n} partitions"),
    "kept_days": ("{n} dagen bewaard", "kept for {n} days"),
    "kept_ever": ("altijd bewaard", "kept for ever"),
}
