"""Why somebody does something, as the audit keeps it. In: a text of a request. Out: the same, if it says something."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from hub.operate import LONGEST_REASON, SAYS_NOTHING


def _says_something(reason: str) -> str:
    if not reason.strip():
        raise PydanticCustomError("blank", SAYS_NOTHING)
    return reason


Reason = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_REASON, json_schema_extra={"pattern": r"\S"}),
    AfterValidator(_says_something),
]
