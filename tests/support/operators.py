"""Operators by name, for tests that change something as a person of operations."""

from __future__ import annotations

from hub.access import Caller, Role


def operator(subject: str) -> Caller:
    """Make a caller with the role of operations."""
    return Caller(subject=subject, roles=frozenset({Role.OPERATIONS}))
