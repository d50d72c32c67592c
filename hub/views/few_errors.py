"""Keeps what is said about a long list of mistakes short. In: faults. Out: the first of them, and how many more.

A body of 300 KB can hold 200,000 wrong fields, and an answer that names them all takes a hundred times its memory.
"""

from collections.abc import Callable, Iterable, Iterator
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
Check = Callable[[list[Any]], list[Any]]
Find = Callable[[list[Any]], Iterable[tuple[Location, PydanticCustomError]]]


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
            if isinstance(given, CheckedList):
                return given.result()
            if not isinstance(given, list) or len(given) <= SLICE:
                return validate(given)
            checked = CheckedList(validate, longest)
            for start in range(0, len(given), SLICE):
                checked.add(given[start : start + SLICE])
            return checked.result()

        return no_info_wrap_validator_function(check, schema)


class CheckedList:
    """A list of a request, checked slice by slice; once a hundred faults are known, nothing more of it is checked.

    `check` takes a slice and returns its values; `find` finds what else is wrong in one, before that.
    """

    def __init__(self, check: Check, longest: int | None = None, find: Find | None = None) -> None:
        self._check = check
        self._find = find
        self._longest = longest
        self._checked: list[Any] = []
        self._named: list[InitErrorDetails] = []
        self._more = 0
        self._unchecked = 0
        self._length = 0

    def add(self, part: list[Any]) -> None:
        """Check the next slice."""
        start = self._length
        self._length += len(part)
        if self._longest is not None and self._length > self._longest:
            self._checked.clear()
        elif len(self._named) >= MOST_ERRORS:
            self._unchecked += len(part)
        else:
            self._add(part, start)

    def result(self) -> list[Any]:
        """Return the values; raise the `ValidationError` of what is wrong."""
        if self._longest is not None and self._length > self._longest:
            sizes = {"field_type": "List", "max_length": self._longest, "actual_length": self._length}
            raise PydanticKnownError("too_long", sizes)
        if self._named:
            raise _error("list", self._named, self._more, self._unchecked)
        return self._checked

    def _add(self, part: list[Any], start: int) -> None:
        try:
            found = [*self._find(part)] if self._find is not None else []
            if found:
                raise first_errors("list", found)
            checked = self._check(part)
        except ValidationError as error:
            self._checked.clear()
            faults = [*_shifted(error, start)]
            room = MOST_ERRORS - len(self._named)
            self._named += faults[:room]
            self._more += len(faults[room:])
        else:
            if not self._named:
                self._checked += checked


def _shifted(error: ValidationError, start: int) -> Iterator[InitErrorDetails]:
    """Return the faults of a slice with their places in the whole list."""
    for fault in error.errors(include_url=False):
        if fault["type"] == MORE_ERRORS:
            continue
        nth, *deeper = fault["loc"]
        kind = PydanticCustomError(fault["type"], "{said}", {"said": fault["msg"]})
        yield InitErrorDetails(type=kind, loc=(int(nth) + start, *deeper), input=None)


def _error(title: str, named: list[InitErrorDetails], more: int, unchecked: int = 0) -> ValidationError:
    if more or unchecked:
        counted = {"count": more, "unchecked": unchecked}
        rest = PydanticCustomError(MORE_ERRORS, "{count} more, {unchecked} items not checked", counted)
        named = [*named, InitErrorDetails(type=rest, loc=(), input=None)]
    return ValidationError.from_exception_data(title, named)
