"""A real browser for the tests of the pages, and a hub that it can reach."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import async_playwright

from tests.support.api.client import client_of
from tests.support.pages import chromium
from tests.support.pages.browsing import enter_schools, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from hub.store.pool import Pool
    from tests.support.api.client import Client


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser."""
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):  # noqa: PTH120 - pytest's own kind of path
            item.add_marker("browser")


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Give a Chromium that ends with the tests of the pages."""
    found = chromium.find()
    if found is None:
        pytest.fail(chromium.MISSING, pytrace=False)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has no sandbox for root
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        await browser.close()


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with a few schools and two systems."""
    async with pool.acquire() as c:
        await enter_schools(c)
    return client_of(tmp_path, pool)


@pytest.fixture
async def address(hub: Client) -> AsyncIterator[str]:
    """Give the address at which a browser reaches the hub."""
    async with serving(hub.app) as address:
        yield address
