"""Where lines go, and how texts of others are cleaned for them. structlog is not needed here: it takes long to load."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from schemas.text import make_visible

if TYPE_CHECKING:
    from typing import TextIO

_SECRETS: Final = re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]+(?=@)|whsec_[\w+/=-]+|(?<=Bearer )[\w.~+/=-]+")


@dataclass(slots=True)
class Output:
    """Where lines are written as JSON (None: they are not JSON, or nothing was set up), and which are."""

    stream: TextIO | None = None
    has_info: bool = True
    logs_successes: bool = True


output = Output()


def clean_text(text: str, keep: str = "") -> str:
    """Mask secrets in a text, and write what steers a terminal as escapes, except the characters of `keep`."""
    return make_visible(_SECRETS.sub("***", text), keep=keep)
