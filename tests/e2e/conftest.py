"""One running stack per file of tests, with the sample of real schools and three invented systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.register.stack_register import set_up_register
from tests.support.servers.stacks import RunningStack, running_stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """Give a stack that answers and knows schools and systems."""
    async with running_stack(tmp_path_factory.mktemp("stack")) as running:
        await set_up_register(running, tmp_path_factory.mktemp("files"))
        yield running
