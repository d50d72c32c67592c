"""A large body is read and checked in slices: bounded work, others in between, and the same result as in one go."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from hub.api.sliced_json import LONGEST_VALUE, MOST_NAMES, read_object
from hub.slices import in_slices, map_in_slices
from hub.views.few_errors import MOST_ERRORS, SLICE, CheckedList, FewErrors

Values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class _Body(BaseModel):
    units: Annotated[list[int], Field(max_length=100_000), FewErrors()]


class _Checks:
    """Takes slices of integers, and counts what was checked, and what others did meanwhile."""

    def __init__(self) -> None:
        self.checked = 0
        self.turns_of_others = 0
        self._adapter = TypeAdapter(list[int])

    def check(self, part: list[Any]) -> list[int]:
        """Check a slice."""
        self.checked += len(part)
        return self._adapter.validate_python(part, strict=True)

    async def others(self) -> None:
        """Work whenever the loop comes round."""
        while True:
            self.turns_of_others += 1
            await asyncio.sleep(0)


@given(before=st.dictionaries(st.text(min_size=2), Values, max_size=3), items=st.lists(Values, max_size=250))
@pytest.mark.parametrize("indent", [None, 1])
def test_an_object_is_read_as_json_is(before: dict[str, Any], items: list[Any], indent: int | None) -> None:
    """Whatever stands before, in and behind a list, sliced reading gives what reading in one go gives."""
    text = json.dumps({**before, "u": items, "z": 1}, indent=indent)
    units = CheckedList(lambda part: part)
    found = asyncio.run(read_object(text, {"u": units}))
    assert isinstance(found, dict)
    assert {**found, "u": units.result()} == json.loads(text)


@given(items=st.lists(Values, max_size=9), cut=st.integers(min_value=1, max_value=200), put=st.text(max_size=2))
def test_what_is_no_json_is_refused_as_json_is(items: list[Any], cut: int, put: str) -> None:
    """A text that one reader takes the other one takes too, and means the same by it."""
    text = json.dumps({"a": 1, "u": items})
    text = text[:cut] + put + text[cut + 1 :]
    try:
        wanted = json.loads(text)
    except ValueError:
        wanted = None
    units = CheckedList(lambda part: part)
    try:
        found = asyncio.run(read_object(text, {"u": units}))
    except ValueError:
        assert wanted is None
    else:
        assert isinstance(found, dict) or not isinstance(wanted, dict)
        if isinstance(found, dict):
            assert {k: v.result() if isinstance(v, CheckedList) else v for k, v in found.items()} == wanted


async def test_of_wrong_units_a_hundred_are_checked_and_all_are_read() -> None:
    """100,000 wrong units: no more than a slice is checked, and others work a thousand times meanwhile."""
    checks = _Checks()
    units = CheckedList(checks.check)
    others = asyncio.create_task(checks.others())
    found = await read_object('{"units":[' + ",".join(["{}"] * 100_000) + '],"x":1}', {"units": units})
    others.cancel()
    assert found == {"units": units, "x": 1}
    assert checks.checked == SLICE
    assert checks.turns_of_others >= 100_000 // SLICE
    with pytest.raises(ValidationError) as caught:
        _Body.model_validate(found)
    *named, rest = caught.value.errors()
    assert [each["loc"] for each in named] == [("units", n) for n in range(MOST_ERRORS)]
    assert rest["ctx"] == {"count": 0, "unchecked": 100_000 - SLICE}


async def test_good_units_are_all_checked_a_slice_at_a_time() -> None:
    """What was checked in slices is taken over as it is."""
    checks = _Checks()
    units = CheckedList(checks.check)
    found = await read_object(json.dumps({"units": [*range(1000)]}), {"units": units})
    assert _Body.model_validate(found).units == [*range(1000)]
    assert checks.checked == 1000


async def test_too_many_units_are_counted_and_not_kept() -> None:
    """One more than the most: the size is named, and nothing else."""
    units = CheckedList(lambda part: part, longest=SLICE)
    await read_object(json.dumps({"units": [1] * (SLICE + 1)}), {"units": units})
    with pytest.raises(ValueError, match=f"at most {SLICE} items after validation, not {SLICE + 1}"):
        units.result()


@pytest.mark.parametrize(
    "text",
    [
        '{"x":[' + "0," * LONGEST_VALUE + "0]}",
        '{"units":["' + "a" * 3 * LONGEST_VALUE + '"]}',
        '{"units":[[' + "0," * LONGEST_VALUE + "0]]}",
    ],
)
async def test_no_single_value_is_long(text: str) -> None:
    """A value that would be read in one go for long is refused, wherever it stands."""
    with pytest.raises(ValueError, match="a value is too long"):
        await read_object(text, {"units": CheckedList(lambda part: part)})


async def test_names_are_bounded_too() -> None:
    """An object of a million names ends after the most."""
    with pytest.raises(ValueError, match="too many names"):
        await read_object(json.dumps({f"{n}": 1 for n in range(MOST_NAMES + 2)}), {})


async def test_others_work_between_two_slices() -> None:
    """Each slice but the first begins in a later round of the loop."""
    checks = _Checks()
    others = asyncio.create_task(checks.others())
    seen = [(list(part), checks.turns_of_others) async for part in in_slices([*range(10)], 4)]
    others.cancel()
    assert [part for part, _ in seen] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [turns for _, turns in seen] == [0, 1, 2]


async def test_rows_are_made_into_objects_in_slices() -> None:
    """Of a thousand rows at most as many as a slice has are made between two turns of others, in their order."""
    checks = _Checks()
    others = asyncio.create_task(checks.others())
    made = await map_in_slices(range(1000), lambda row: (row, checks.turns_of_others), 50)
    others.cancel()
    assert [row for row, _ in made] == [*range(1000)]
    turns = [turn for _, turn in made]
    assert max(turns.count(turn) for turn in set(turns)) <= 50
