"""Finds a Chromium for the tests of the pages. In: the environment, the PATH. Out: where it is, or what to install.

As a program it exits 1 when there is none, so that `make test` can say what it leaves out.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

VARIABLE: Final = "OSR_HUB_TEST_CHROMIUM"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MISSING: Final = (
    "no Chromium was found: install one (Debian: apt-get install chromium), "
    f"or name one in {VARIABLE}; `make browser` runs the tests of the pages"
)


def find() -> str | None:
    """Find the Chromium that the environment names, or one on the PATH."""
    named = os.environ.get(VARIABLE)
    if named:
        return shutil.which(named)
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def describe() -> str:
    """Say which one the tests take."""
    found = find()
    return f"Chromium: {found}" if found else f"Chromium: {MISSING}"


if __name__ == "__main__":
    if find() is None:
        sys.exit(MISSING)
