"""Who the tests of the API begin with: a hub that has a small register, and one of its schools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from tests.support.api.school_calls import open_hub

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with two schools and two systems."""
    return await open_hub(pool, tmp_path)


@pytest.fixture
def school(hub: Client) -> Client:
    """Be the school."""
    return hub.as_caller(Role.SCHOOL, brins=["18DS"])
