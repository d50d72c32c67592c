"""Bodies that are read as far as they can be read, so that a wrong form hides nothing else that is wrong.

In: the JSON of a request. Out: the body, with stand-ins for what could not be read, and the faults they stand for.
Next: a use case, which adds what it finds wrong in the rest.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from pydantic import JsonValue, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

from hub.api.problems import read_fault
from hub.errors import FieldError, HubError, InvalidInput
from hub.views.models import RequestModel


class PartlyRead(RequestModel):
    """A body whose `unread` fields have stand-ins; whoever takes it says what else is wrong, and refuses it."""

    stand_ins: ClassVar[Mapping[str, JsonValue]] = {}
    """What stands for a field that must be there, by its name; for an item of a list, by `name/`."""
    _unread: tuple[FieldError, ...] = PrivateAttr(default=())

    @property
    def unread(self) -> tuple[FieldError, ...]:
        """What could not be read."""
        return self._unread

    @contextmanager
    def comes_first(self) -> Iterator[None]:
        """Refuse what is unread where the request fails before anything could be said about the rest."""
        try:
            yield
        except HubError:
            if self._unread:
                raise InvalidInput(self._unread) from None
            raise

    @model_validator(mode="wrap")
    @classmethod
    def _read_what_can_be(cls, given: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            faults = error.errors()
            if not isinstance(given, dict) or not all(fault["loc"] for fault in faults):
                raise
        read = handler(_readable(given, [fault["loc"] for fault in faults], cls.stand_ins))
        read._unread = tuple(  # noqa: SLF001 - its own
            read_fault({**fault, "loc": ("body", *fault["loc"])}) for fault in faults
        )
        return read


def _readable(
    given: Mapping[str, Any], wrong: Iterable[tuple[int | str, ...]], stand_ins: Mapping[str, JsonValue]
) -> dict[str, Any]:
    """Put stand-ins where something is wrong, and leave out what has none."""
    items: dict[str, set[int | str]] = {}
    for name, *deeper in wrong:
        items.setdefault(str(name), set()).update(deeper[:1])
    kept = {name: value for name, value in given.items() if name not in items}
    for name, numbers in items.items():
        if numbers and f"{name}/" in stand_ins:
            kept[name] = [stand_ins[f"{name}/"] if n in numbers else item for n, item in enumerate(given[name])]
        elif name in stand_ins:
            kept[name] = stand_ins[name]
    return kept
