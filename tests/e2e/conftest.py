"""One running stack per file of tests, with the sample of real schools and three invented systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.stacks import RunningStack, stack_in
from tests.support.town import settle_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """Give a stack that answers and knows schools and systems."""
    async with stack_in(tmp_path_factory.mktemp("stack")) as running:
        await settle_in(running, tmp_path_factory.mktemp("files"))
        yield running
