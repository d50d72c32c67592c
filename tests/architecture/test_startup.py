"""A command starts without what only long-running processes need: operators wait for each start."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROCESSES = ("structlog", "rich.traceback", "aiokafka", "fastapi", "joserfc")
"""Modules that take tens of milliseconds each: a logger with tracebacks, clients, servers, and what reads tokens."""
MODELS = ("schemas.messages", "schemas.envelope")
"""The checked models of messages, which take longest of all."""
OPERATORS = (
    "acts",
    "deliveries",
    "delivery",
    "hold",
    "keys",
    "lag",
    "parked",
    "people",
    "statement",
    "status",
    "systems",
)
DATABASE_ALONE = ("anchor", "import_", "retention")


@pytest.mark.parametrize(
    ("command", "slow"),
    [(each, PROCESSES) for each in OPERATORS] + [(each, (*PROCESSES, *MODELS)) for each in DATABASE_ALONE],
)
def test_a_command_loads_no_slow_module(command: str, slow: tuple[str, ...]) -> None:
    """Neither operators' commands nor those that work in the database alone load what they do not use."""
    asked = f"import sys, hub.commands.{command}; print(*sorted(set({slow!r}) & set(sys.modules)))"
    words = [sys.executable, "-c", asked]
    ran = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 - our own program
    assert ran.stdout.split() == []
