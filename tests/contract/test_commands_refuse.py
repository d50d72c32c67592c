"""What commands refuse, and by which of their own words: reasons that say nothing, statuses that do not exist."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.errors import InvalidInput

BUTTONS = [
    ("hold", "duo:rio"),
    ("release", "duo:rio"),
    ("replay", "--destination", "duo:rio"),
    ("parked", "discard", "1"),
    ("agreements", "set", "41561", "register", "no"),
    ("people", "erase", "somebody"),
]
WRONG_OPTIONS = [
    (("deliveries", "--status", "wat"), "--status"),
    (("deliveries", "--mandate", "wat"), "--mandate: "),
    (("deliveries", "--brin", "wat"), "--brin: "),
    (("replay", "--status", "wat", "--dry-run"), "--status"),
    (("replay", "--brin", "wat", "--dry-run"), "--brin: "),
    (("replay", "--delivery", "wat", "--dry-run"), "--delivery: "),
    (("replay", "--destination", "duo:rio", "--rate", "0", "--dry-run"), "--rate: "),
    (("cancel-many", "--status", "wat", "--dry-run"), "--status"),
]


def refused(*words: str) -> str:
    """Run a command that must refuse before it looks at anything, and return what it says."""
    outcome = CliRunner().invoke(app, words)
    if isinstance(outcome.exception, InvalidInput):
        return str(outcome.exception)
    assert outcome.exit_code == 2, outcome.output
    return outcome.output


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001], ids=["empty", "blank", "long"])
@pytest.mark.parametrize("button", BUTTONS, ids=" ".join)
def test_a_reason_says_something(button: tuple[str, ...], reason: str) -> None:
    """An empty one is as good as none, and one that is too long is not kept: exit code 2 before anything is done."""
    assert "'--reason'" in refused(*button, "--reason", reason)


@pytest.mark.parametrize(("words", "option"), WRONG_OPTIONS, ids=[" ".join(words) for words, _ in WRONG_OPTIONS])
def test_a_fault_names_the_option_that_was_given(words: tuple[str, ...], option: str) -> None:
    """Not the API's name of it, and one fault is told once."""
    said = refused(*words)
    assert option in said
    assert "2 fields are wrong" not in said


def test_a_wrong_status_is_answered_with_all_that_are_shown() -> None:
    """`held` is among them, though it is never stored."""
    said = refused("deliveries", "--status", "wat")
    for status in ("waiting", "held", "processed_with_signal", "superseded"):
        assert status in said
