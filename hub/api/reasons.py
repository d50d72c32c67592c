"""Why somebody does something, as the audit keeps it. In: a text of a request. Out: the same, if it says something."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from hub.operations.controls import EMPTY_REASON, MAX_REASON_LENGTH


def _says_something(reason: str) -> str:
    if not reason.strip():
        raise PydanticCustomError("blank", EMPTY_REASON)
    return reason


Reason = Annotated[
    str,
    Field(min_length=1, max_length=MAX_REASON_LENGTH, json_schema_extra={"pattern": r"\S"}),
    AfterValidator(_says_something),
]
