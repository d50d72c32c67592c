"""A command starts without what only long-running processes need: operators wait for each start."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = ("structlog", "schemas.messages", "schemas.envelope", "aiokafka", "fastapi", "rich.traceback")
"""Modules that take tens of milliseconds each: a logger with tracebacks, models of messages, clients and servers."""
QUICK = ("import_", "retention", "anchor")


@pytest.mark.parametrize("command", QUICK)
def test_a_command_loads_no_slow_module(command: str) -> None:
    """Commands that work in the database alone load none of them."""
    asked = f"import sys, hub.commands.{command}; print(*sorted(set({SLOW!r}) & set(sys.modules)))"
    words = [sys.executable, "-c", asked]
    ran = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 - our own program
    assert ran.stdout.split() == []
