"""Keep numbers that could be a person's out of free text that others send us.

In: a signal's code or text, written by a back office. Out: the same text in which every run of nine or more digits is
starred out. A BSN, PGN or onderwijsnummer has nine digits and people write them with dots, blanks or hyphens, so
separators do not end a run. Organisations, ids and dates stay readable.
"""

import re

MASK = "*********"

_SEPARATOR = r"[\s.,:;/\\|_'\u2018\u2019()\-\u00ad\u00b7\u200b-\u200f\u2010-\u2015\u2022\u2060\u2212\ufeff]{0,3}"
_UUID = r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"
# Prefixes 1, 2 and 9 are left out: RSIN, fiscal and UZI numbers may be those of one person.
_ORGANISATION = r"\b(?:0000000[3-8]|00000099)[0-9A-Z]{12}\b"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
_MONTH = r"(?:0[1-9]|1[0-2])"
_YEAR = r"(?:19|20)[0-9]{2}"
_CLOCK = r"[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?(?:Z|[+-][0-2][0-9]:[0-5][0-9])?"
_DATE = rf"(?<!\d)(?:{_YEAR}-{_MONTH}-{_DAY}|{_DAY}-{_MONTH}-{_YEAR})(?:{_CLOCK})?(?![-.]?\d)"
_KEPT = rf"{_UUID}|{_ORGANISATION}|{_DATE}"
_TOKENS = re.compile(rf"(?P<kept>{_KEPT})|\d(?:{_SEPARATOR}(?!{_KEPT})\d){{8,}}")


def mask_numbers(text: str) -> str:
    """Star out every run of nine or more digits, separated or not, that is no organisation, id or date."""
    return _TOKENS.sub(lambda found: found["kept"] or MASK, text)
