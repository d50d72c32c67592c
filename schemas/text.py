"""Text that others wrote: what counts as a name, and how text is shown where it could steer a terminal or a page.

In: text from a request, a file, a record or a database. Out: a name that can be stored, or text without commands.
"""

import re
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, WithJsonSchema

from schemas.identifiers import InvalidIdentifier

MAX_NAME_LENGTH: Final = 200
_STEERING: Final = (
    "\\x00-\\x1f\\x7f-\\x9f"  # C0 and C1: cursor, colours, bells
    "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069"  # direction of writing
    "\\u2028\\u2029\\ud800-\\udfff"  # line separators, halves of characters
)
_INVISIBLE: Final = "\\u200b\\u2060-\\u2064\\ufeff\\ufff9-\\ufffb\\U000e0000-\\U000e007f"
_NOT_IN_NAMES: Final = re.compile(f"[{_STEERING}]")
_NOT_SHOWN: Final = re.compile(f"[{_STEERING}{_INVISIBLE}]")
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that leave no mark."""
_EXPECTED: Final = f"1 to {MAX_NAME_LENGTH} characters, some of them visible, none of them for control or direction"


def make_visible(text: str, keep: str = "") -> str:
    r"""Return the text with control, direction and invisible characters as escapes such as `\x1b`; `keep` stay."""
    return _NOT_SHOWN.sub(lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], text)


def parse_name(text: str, kind: str = "a name") -> str:
    """Return a name in Unicode's form NFC; raise `InvalidIdentifier` for one that cannot be read by people."""
    name = unicodedata.normalize("NFC", text)
    if len(name) > MAX_NAME_LENGTH or _NOT_IN_NAMES.search(name) or not any(map(_is_visible, name)):
        raise InvalidIdentifier(kind=kind, given=text, expected=_EXPECTED)
    return name


def _is_visible(character: str) -> bool:
    """Return whether a character is a letter, digit, symbol or punctuation mark that leaves a mark."""
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK


NameField = Annotated[
    str,
    AfterValidator(parse_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH}),
]
"""A name in a request."""
