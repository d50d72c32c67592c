"""What bodies have in common: lower-camel names, absent is null, UTC, and nothing unknown in a request."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, PydanticUseDefault
from pydantic_core.core_schema import no_info_before_validator_function

from hub.operations.controls import EMPTY_REASON, MAX_REASON_LENGTH
from hub.views.few_errors import MOST_ERRORS, first_errors
from schemas.cloudevents import write_time
from schemas.kinds import HELD, DeliveryStatus
from schemas.moments import check_day, check_moment

T = TypeVar("T")
_LONE: Final = re.compile(r"[\ud800-\udfff]")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Moment = Annotated[
    datetime,
    PlainSerializer(write_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in an answer: UTC, whole milliseconds."""
RequestMoment = Annotated[
    AwareDatetime,
    BeforeValidator(lambda given: _only_text(given, "an RFC 3339 time")),
    AfterValidator(check_moment),
]
"""A moment in a request; it names its time zone, whichever, and is taken over in UTC."""
Day = Annotated[
    date,
    BeforeValidator(lambda given: _only_day(given)),  # noqa: PLW0108 - defined below
    AfterValidator(check_day),
]
"""A calendar day, in Amsterdam: a date and nothing more, because midnight in UTC may be another day here."""
SHOWN: Final = (*(status.value for status in DeliveryStatus), HELD)
ShownStatus = Annotated[
    str, AfterValidator(lambda given: _shown(given)), WithJsonSchema({"type": "string", "enum": list(SHOWN)})  # noqa: PLW0108
]
"""The status of a delivery, as it is shown."""


class _NullIsDefault:
    """Reads null as the default of a field, and describes it so."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"type": "null"}]}

    @staticmethod
    def _read(given: object) -> object:
        if given is None:
            raise PydanticUseDefault
        return given


NULL_IS_DEFAULT: Final = _NullIsDefault()
"""For a field with a default: null means that default."""


def _not_blank(reason: str) -> str:
    if not reason.strip():
        raise PydanticCustomError("blank", EMPTY_REASON)
    return reason


Reason = Annotated[
    str,
    Field(min_length=1, max_length=MAX_REASON_LENGTH, json_schema_extra={"pattern": r"\S"}),
    AfterValidator(_not_blank),
]
"""Why somebody does something; the audit records it."""


class CamelModel(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        from_attributes=True,
        frozen=True,
        use_attribute_docstrings=True,
    )


class RequestModel(CamelModel):
    """The body of a request: what it does not know is an error, and so is a text that no database can hold."""

    model_config = ConfigDict(extra="forbid", validate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable_texts(cls, given: object) -> object:
        if not _is_storable(given):
            raise first_errors(cls.__name__, _unstorable_texts(given))
        return given

    @model_validator(mode="before")
    @classmethod
    def _count_unknown_names(cls, given: object) -> object:
        """Name the first of very many unknown fields only."""
        if isinstance(given, dict) and len(given) > MOST_ERRORS and cls.model_config["extra"] == "forbid":
            known = {field.alias or name for name, field in cls.model_fields.items()}
            unknown = [name for name in given if name not in known]
            if len(unknown) > MOST_ERRORS:
                fault = PydanticCustomError("unknown", "Extra inputs are not permitted")
                raise first_errors(cls.__name__, (((name,), fault) for name in unknown))
        return given


def example(**fields: JsonValue) -> ConfigDict:
    """Return the configuration that adds an example to the description."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Items(CamelModel, Generic[T]):
    """One page of a list; `next` is the `cursor` of the page after it."""

    items: list[T]
    next: str | None


def _is_storable(given: object) -> bool:
    """Return whether a database can hold all texts, however deep they are; without recursion, and in one go."""
    waiting = [given]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\x00" in value or not (value.isascii() or _LONE.search(value) is None):
                return False
        elif isinstance(value, dict):
            waiting += value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return True


def find_unstorable(items: list[Any]) -> Iterator[tuple[tuple[int | str, ...], PydanticCustomError]]:
    """Find the texts in these items that cannot be stored."""
    if not _is_storable(items):
        yield from _unstorable_texts(items)


def _unstorable_texts(given: object) -> Iterator[tuple[tuple[int | str, ...], PydanticCustomError]]:
    """Find the locations of texts that cannot be stored; that of a name is its object's."""
    waiting: list[tuple[tuple[int | str, ...], object]] = [((), given)]
    while waiting:
        loc, value = waiting.pop()
        match value:
            case str() if (fault := _unstorable(value)) is not None:
                yield loc, fault
            case dict():
                waiting.extend((loc, name) for name in value)
                waiting.extend(((*loc, name), each) for name, each in value.items())
            case list():
                waiting.extend(((*loc, nth), each) for nth, each in enumerate(value))


def _unstorable(text: str) -> PydanticCustomError | None:
    if "\x00" in text:
        return PydanticCustomError("nul_character", "a text holds the character NUL")
    if not text.isascii() and _LONE.search(text):
        return PydanticCustomError("surrogate", "a text holds half of a character")
    return None


def _shown(given: str) -> str:
    if given not in SHOWN:
        raise PydanticCustomError("enum", "expected one of {all}", {"all": ", ".join(SHOWN)})
    return given


def _only_day(given: object) -> date:
    if isinstance(given, str) and _DAY.fullmatch(given):
        with suppress(ValueError):
            return date.fromisoformat(given)
    raise PydanticCustomError("form", "expected a day that exists, like 2026-11-23")


def _only_text(given: Any, form: str) -> Any:  # noqa: ANN401 - what pydantic hands on
    if isinstance(given, datetime) or (isinstance(given, str) and not given.lstrip("-").replace(".", "").isdigit()):
        return given
    raise PydanticCustomError("form", "expected {form}", {"form": form})
