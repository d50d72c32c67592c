"""What bodies have in common: lower-camel names, absent is null, UTC, and nothing unknown in a request."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from schemas.cloudevents import write_time

T = TypeVar("T")

Moment = Annotated[
    datetime,
    PlainSerializer(write_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in an answer: UTC, whole milliseconds."""
AskedMoment = Annotated[AwareDatetime, BeforeValidator(lambda given: _only_text(given, "an RFC 3339 time"))]
"""A moment in a request; it names its time zone."""
Day = Annotated[date, BeforeValidator(lambda given: _only_text(given, "a date like 2026-11-23"))]
"""A calendar day, in Amsterdam."""


class CamelModel(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        from_attributes=True,
        frozen=True,
    )


class RequestModel(CamelModel):
    """The body of a request: what it does not know is an error, and so is a text that no database can hold."""

    model_config = ConfigDict(extra="forbid", validate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_nul(cls, given: object) -> object:
        if any("\x00" in text for text in _texts(given)):
            raise PydanticCustomError("nul_character", "a text holds the character NUL")
        return given


class Items(CamelModel, Generic[T]):
    """One page of a list; `next` is the `cursor` of the page after it."""

    items: list[T]
    next: str | None


def _texts(given: object) -> Iterator[str]:
    match given:
        case str():
            yield given
        case dict():
            for key, value in given.items():
                yield from _texts(key)
                yield from _texts(value)
        case list():
            for value in given:
                yield from _texts(value)


def _only_text(given: Any, form: str) -> Any:  # noqa: ANN401 - what pydantic hands on
    if isinstance(given, date) or (isinstance(given, str) and not given.lstrip("-").replace(".", "").isdigit()):
        return given
    raise PydanticCustomError("form", "expected {form}", {"form": form})
