"""Machines that take any steps in any order on a real database, beside a model of what should be there then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.support import chance

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    import asyncpg


class LedgerMachine(RuleBasedStateMachine):
    """A machine with a loop and a connection, which are there before its first step."""

    runner: asyncio.Runner
    c: asyncpg.Connection[Any]

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the machine's own loop."""
        return self.runner.run(work)


def try_out(machine: type[LedgerMachine], examples: int, steps: int) -> None:
    """Let a machine take so many steps in so many ways, or ten times as many for whoever explores."""
    wish = settings(
        max_examples=examples * chance.TIMES,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(machine, settings=wish)
