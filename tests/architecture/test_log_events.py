"""The catalogue of log events is what the code logs, and each event has a noun and a verb."""

from __future__ import annotations

from tests.support.log_events import CATALOGUE, NAME, all_events, catalogue


def test_the_catalogue_is_what_the_code_logs() -> None:
    """Renew it with `python -m tests.support.log_events`."""
    written = CATALOGUE.read_text(encoding="utf-8")
    assert written == catalogue(), "out of date: run .venv/bin/python -m tests.support.log_events"


def test_a_log_event_is_a_noun_and_a_verb() -> None:
    """`circuit.opened`, and never a sentence."""
    assert [event for event in all_events() if NAME.fullmatch(event.name) is None] == []
