"""Where the tests' chance comes from: the same draws for everybody, or new ones for whoever explores.

`OSR_HUB_TEST_SEED` names a seed, or says `random`; then the random tests also draw ten times as much.
"""

from __future__ import annotations

import os
import time
from typing import Final

from hypothesis import settings

GIVEN: Final = os.environ.get("OSR_HUB_TEST_SEED")
TIMES: Final = 10 if GIVEN else 1
CHAOS: Final = "OSR_HUB_TEST_SEEDS"
CHAOS_SEEDS: Final = 3

settings.register_profile("same", derandomize=True)
settings.register_profile("explore", print_blob=True)


def load() -> None:
    """Let Hypothesis draw as it was asked to, and draw the seeds of chaos, which every worker inherits."""
    settings.load_profile("explore" if GIVEN else "same")
    first = time.time_ns() // 1_000_000 % 1_000_000
    os.environ.setdefault(CHAOS, ",".join(str(first + n) for n in range(CHAOS_SEEDS)))


def chaos_seeds() -> list[int]:
    """Return the seeds of chaos."""
    return [int(seed) for seed in os.environ[CHAOS].split(",")]


def seed() -> int:
    """Give the first seed of a test that draws its own schedules."""
    return time.time_ns() % 1_000_000 if GIVEN == "random" else int(GIVEN or 1)
