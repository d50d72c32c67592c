"""`/health`: what is said of this process and of the others, to whom, and when this process ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from hub.domain.health import HUNG_SECONDS, ROLES
from hub.processes import loops

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.store.pool import Pool
    from tests.support.api.client import Client

BEATS = "insert into processes (role, host, pid, loops) values ($1, 'a machine', 7, $2)"
WELL = '[["a.loop", 0.1, 0.1, 0.1, null]]'
STUCK = '[["forward.lease", 21, 1, null, "a secret of the machine"]]'


async def test_the_others_are_named_and_nothing_else_is_told(hub: Client, pool: Pool) -> None:
    """Whatever they do, this process is ready; the whole hub is asked at another path, and no host or error is told."""
    for role in ROLES:
        if role != "plan":
            await pool.execute(BEATS, role, STUCK if role == "forward" else WELL)
    ready, whole = await hub.get("/health/ready"), await hub.get("/health/hub")
    assert (ready.status, whole.status) == (200, 503)
    expected = {
        "status": "degraded",
        "processes": {"produce": "ok", "plan": "absent", "forward": "stuck", "reports": "ok"},
    }
    assert (ready.json, whole.json) == (expected, expected)


async def test_all_is_well_when_every_role_moves(hub: Client, pool: Pool) -> None:
    """Each role has a process whose loops move."""
    for role in ROLES:
        await pool.execute(BEATS, role, WELL)
    whole = await hub.get("/health/hub")
    assert (whole.status, whole.json["status"]) == (200, "ok")


@pytest.fixture
def stopped_loop() -> Iterator[None]:
    """A loop of this process that no longer turns."""
    loops.moved("serve.heartbeat")
    yield
    loops.here.forget("serve")


@pytest.mark.usefixtures("stopped_loop")
async def test_a_loop_that_hangs_makes_this_process_unready_and_then_dead(
    hub: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First no traffic, then a new process: both answers name the loop."""
    assert (await hub.get("/health/live")).status == 200
    began = time.monotonic()
    monkeypatch.setattr(loops.here, "clock", lambda: began + HUNG_SECONDS + 5)
    for path in ("/health/live", "/health/ready"):
        answer = await hub.get(path)
        assert answer.status == 503, path
        assert "serve.heartbeat" in answer.json["detail"]
