"""Ask whether a pinned package has a known vulnerability. In: a file of pins. Out: what is known, and an exit code.

    python -m tests.support.supply.audit FILE [options of pip-audit, such as --vulnerability-service osv]

Exit code 1 when a pin is vulnerable. A database that cannot be reached is told and is no failure: a change must not
wait for somebody else's server, and the next one asks again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS: Final = 300
UNREACHABLE: Final = "NOT AUDITED: the database of vulnerabilities cannot be reached from here"


@dataclass(frozen=True, slots=True)
class Audit:
    """The pins that were looked up, those that could not be, and a line per vulnerability."""

    audited: int
    skipped: tuple[str, ...]
    vulnerable: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """What a person reads."""
        if not self.audited:
            return [UNREACHABLE]
        left = f"; not looked up: {', '.join(self.skipped)}" if self.skipped else ""
        return [*self.vulnerable, f"{self.audited} pins audited, {len(self.vulnerable)} vulnerabilities{left}"]


def audit(file: Path, options: Sequence[str] = ()) -> Audit:
    """Look up each pin of a file; nothing is installed or resolved."""
    command: list[str | Path] = [
        sys.executable, "-m", "pip_audit", "--requirement", file, "--require-hashes", "--disable-pip",
        "--format", "json", "--progress-spinner", "off", *options,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
        return read_report(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return Audit(0, (), ())


def read_report(text: str) -> Audit:
    """Read what pip-audit found; raise `JSONDecodeError` when it said nothing."""
    entries = json.loads(text)["dependencies"]
    vulnerable = tuple(
        f"{entry['name']} {entry['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'none'}"
        for entry in entries
        for fault in entry.get("vulns", ())
    )
    skipped = tuple(entry["name"] for entry in entries if "skip_reason" in entry)
    return Audit(len(entries) - len(skipped), skipped, vulnerable)


if __name__ == "__main__":
    found = audit(Path(sys.argv[1]), sys.argv[2:])
    print("\n".join(found.lines))
    sys.exit(bool(found.vulnerable))
