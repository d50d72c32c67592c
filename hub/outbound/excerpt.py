"""What a receiver wrote with an answer that is no success. In: the beginning of a body. Out: text that may be kept.

Numbers that could be a person's are starred out before anything is written.
"""

from __future__ import annotations

from typing import Final

from schemas.masking import mask_numbers

MAX_EXCERPT_BYTES: Final = 500
_CUT_SHORT: Final = " .,:;/\\|_'()-0123456789"
"""A number that the end of an excerpt cuts short cannot be recognised: it is left out."""


def read_excerpt(body: bytes) -> str | None:
    """Return the first 500 bytes of a body as masked text; None for an empty one."""
    text = body[:MAX_EXCERPT_BYTES].decode(errors="ignore").replace("\x00", "").strip()
    if len(body) > MAX_EXCERPT_BYTES:
        text = text.rstrip(_CUT_SHORT)
    return mask_numbers(text) or None
