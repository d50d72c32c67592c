"""What a scenario measured. In: figures. Out: quantiles, and a document that can be kept and compared."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number: what it says, its unit, and which way is better."""

    what: str
    value: float
    unit: str
    better: Better = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The figures of one scenario, or what went wrong, and how long it took."""

    scenario: str
    figures: Sequence[Figure]
    error: str | None
    seconds: float


def rate(what: str, value: float) -> Figure:
    """Return a number per second, of which more is better."""
    return Figure(what=what, value=value, unit="/s", better="higher")


def milliseconds(what: str, value: float) -> Figure:
    """Return a duration that better be short."""
    return Figure(what=what, value=value, unit="ms", better="lower")


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1))]


def latencies(what: str, values: Sequence[float], shares: Sequence[float] = (0.5, 0.95, 0.99)) -> list[Figure]:
    """Return quantiles of durations in seconds, as milliseconds."""
    return [milliseconds(f"{what}, p{share * 100:g}", quantile(values, share) * 1000) for share in shares]


def document(outcomes: Iterable[Outcome], servers: Mapping[str, str]) -> dict[str, Any]:
    """Return everything as JSON has it."""
    return {
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "commit": _git("rev-parse", "--short", "HEAD") + ("-changed" if _git("status", "--porcelain") else ""),
        "machine": {**_machine(), **servers},
        "scenarios": [asdict(outcome) for outcome in outcomes],
    }


def _machine() -> dict[str, str]:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def _git(*words: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own words
        ("git", *words),  # noqa: S607 - whichever git there is
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip()
