"""Each state of a delivery says what an operator does about it, in one sentence that can be followed."""

from __future__ import annotations

import pytest

from hub.domain.next_step import next_step
from schemas.kinds import HELD, DeliveryStatus

ABOUT = {"delivery_id": "019a", "destination": "duo:rio", "brin": "18DS"}


@pytest.mark.parametrize("status", [*map(str, DeliveryStatus), HELD])
def test_every_status_has_a_next_step(status: str) -> None:
    """Whatever is shown, something is said, with every name filled in."""
    said = next_step(status, None, **ABOUT, expects_report=True)
    assert said.endswith(".")
    assert "{" not in said


def test_what_can_be_pressed_is_named_in_full() -> None:
    """A message that was given up is replayed, a held one released, and one without a receiver is not ours to press."""
    assert "`osr-hub replay --delivery 019a --dry-run`" in next_step("dead", "x", **ABOUT, expects_report=True)
    assert "`osr-hub release duo:rio" in next_step("held", "held_by_operator", **ABOUT, expects_report=True)
    assert next_step("held", "no_receiver", **ABOUT, expects_report=True).startswith("Ask the supplier to subscribe")
    assert next_step("delivered", None, **ABOUT, expects_report=False).endswith("no report is due.")
