"""Bodies whose faults of form are answered together with faults of meaning, all in one answer.

In: the JSON of a request. Out: a body, or its faults and what could be read of the rest. Next: a check of that rest,
whose faults are merged here with those of the form.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

from hub.api.problems import read_fault
from hub.errors import FieldError, InvalidInput
from hub.views.models import Reason, RequestModel, example


class FormChecked(RequestModel):
    """A body that keeps the faults of its form; with any of them only `readable` holds values."""

    readable_as: ClassVar[type[BaseModel] | None] = None
    """The same fields, none of them required; None where the body itself requires none."""
    lists_with_gaps: ClassVar[frozenset[str]] = frozenset()
    """Lists of which the readable items are kept, with null in the position of the others."""
    depends_on: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The fields, besides its own, that must be readable before a fault of this code can be found."""
    _faults: tuple[FieldError, ...] = PrivateAttr(default=())
    _readable: Any = PrivateAttr(default=None)

    @property
    def faults(self) -> tuple[FieldError, ...]:
        """What is wrong with the form."""
        return self._faults

    @property
    def readable(self) -> Any:  # noqa: ANN401 - an instance of `readable_as`
        """What could be read of a body that has faults."""
        return self._readable

    def refusal(self, found: Iterable[FieldError] = ()) -> InvalidInput:
        """Make the error of a body that has faults; `found` is what is wrong with the meaning of the rest."""
        fields = [fault.field for fault in self._faults]
        return InvalidInput([*self._faults, *(fault for fault in found if self._is_independent(fault, fields))])

    def _is_independent(self, fault: FieldError, unreadable: list[str]) -> bool:
        """Return whether a fault exists whatever the unreadable fields hold."""
        items = ["/".join(field.split("/")[:3]) for field in unreadable]
        is_inside = any(fault.field == item or fault.field.startswith(f"{item}/") for item in items)
        return not (is_inside or any(field in unreadable for field in self.depends_on.get(fault.code, ())))

    @model_validator(mode="wrap")
    @classmethod
    def _keep_faults(cls, given: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            faults = error.errors()
            if not isinstance(given, dict) or not all(fault["loc"] for fault in faults):
                raise
        body = cast("Self", cls.model_construct())
        body._faults = tuple(read_fault({**fault, "loc": ("body", *fault["loc"])}) for fault in faults)  # noqa: SLF001 - its own
        readable = _without(given, [fault["loc"] for fault in faults], cls.lists_with_gaps)
        body._readable = (cls.readable_as or cls).model_validate(readable)  # noqa: SLF001 - its own
        return body


class ReasonRequest(RequestModel):
    """Why somebody does something."""

    model_config = example(reason="sent to the wrong school")

    reason: Reason


def _without(
    given: Mapping[str, Any], wrong: Iterable[tuple[int | str, ...]], lists_with_gaps: frozenset[str]
) -> dict[str, Any]:
    """Leave out what is wrong: whole fields, or items of a list that may have gaps."""
    kept = dict(given)
    for name, *deeper in wrong:
        if deeper and name in lists_with_gaps and isinstance(kept.get(str(name)), list):
            kept[str(name)] = [None if n == deeper[0] else item for n, item in enumerate(kept[str(name)])]
        else:
            kept.pop(str(name), None)
    return kept
