"""Keeps what is said about a long list of mistakes short. In: faults. Out: the first of them, and how many more.

A body of 300 KB can hold 200,000 wrong fields, and an answer that names them all takes a hundred times its memory.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, PydanticKnownError
from pydantic_core.core_schema import ValidatorFunctionWrapHandler, no_info_wrap_validator_function

MOST_ERRORS: Final = 100
"""The most wrong fields that one answer names."""
MORE_ERRORS: Final = "more_errors"
"""The code of a fault that counts the rest; `ctx["count"]` says how many it stands for."""
SLICE: Final = 100
Location = tuple[int | str, ...]


def first_errors(title: str, faults: Iterable[tuple[Location, PydanticCustomError]]) -> ValidationError:
    """Make the error of these faults: the first ones by name, the rest by number."""
    named: list[InitErrorDetails] = []
    more = 0
    for loc, fault in faults:
        if len(named) < MOST_ERRORS:
            named.append(InitErrorDetails(type=fault, loc=loc, input=None))
        else:
            more += 1
    return _error(title, named, more)


class FewErrors:
    """Marks a list whose items are checked a hundred at a time, so that no more than the first faults are kept."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        longest = schema.get("max_length")

        def check(given: Any, validate: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - what pydantic hands on
            if not isinstance(given, list) or len(given) <= SLICE:
                return validate(given)
            if longest is not None and len(given) > longest:
                sizes = {"field_type": "List", "max_length": longest, "actual_length": len(given)}
                raise PydanticKnownError("too_long", sizes)
            return _check_slices(given, validate)

        return no_info_wrap_validator_function(check, schema)


def _check_slices(given: list[Any], validate: ValidatorFunctionWrapHandler) -> list[Any]:
    checked: list[Any] = []
    named: list[InitErrorDetails] = []
    more = 0
    for start in range(0, len(given), SLICE):
        try:
            checked.extend(validate(given[start : start + SLICE]))
        except ValidationError as error:
            checked.clear()
            room = MOST_ERRORS - len(named)
            if room > 0:
                named += [*_shifted(error, start)][:room]
            more += error.error_count() - max(room, 0) if error.error_count() > room else 0
    if named:
        raise _error("list", named, more)
    return checked


def _shifted(error: ValidationError, start: int) -> Iterator[InitErrorDetails]:
    """Return the faults of a slice with their places in the whole list."""
    for fault in error.errors(include_url=False):
        nth, *deeper = fault["loc"]
        kind = PydanticCustomError(fault["type"], "{said}", {"said": fault["msg"]})
        yield InitErrorDetails(type=kind, loc=(int(nth) + start, *deeper), input=None)


def _error(title: str, named: list[InitErrorDetails], more: int) -> ValidationError:
    if more:
        rest = PydanticCustomError(MORE_ERRORS, "{count} more", {"count": more})
        named = [*named, InitErrorDetails(type=rest, loc=(), input=None)]
    return ValidationError.from_exception_data(title, named)
