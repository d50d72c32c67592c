"""Finds Node, Java, curl, Prometheus and Keycloak for their tests. In: PATH, cache. Out: where, or what to install.

As a program, with the name of one, it exits 1 when that is not there, so that `make test` can say what it leaves out.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.login import keycloak


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """Programs that tests need and that Python does not bring."""

    mark: str
    programs: tuple[str, ...]
    how: str
    tests: str

    @property
    def is_there(self) -> bool:
        """Whether all its programs are on the PATH."""
        return all(shutil.which(program) for program in self.programs)

    @property
    def missing(self) -> str:
        """Return in words what is not there, and how to get it."""
        return f"no {' or no '.join(Path(each).name for each in self.programs)} was found: {self.how}"

    def describe(self) -> str:
        """Say which one the tests take."""
        return f"{self.mark}: {shutil.which(self.programs[0]) if self.is_there else self.missing}"


TOOLCHAINS: Final = (
    Toolchain(
        mark="node",
        programs=("node", "npm"),
        how="install it (Debian: apt-get install nodejs npm)",
        tests="the receiver for Node",
    ),
    Toolchain(
        mark="java",
        programs=("java", "javac"),
        how="install it (Debian: apt-get install default-jdk-headless)",
        tests="the reader in Java",
    ),
    Toolchain(
        mark="curl",
        programs=("curl", "bash"),
        how="install it (Debian: apt-get install curl)",
        tests="the commands of the guides",
    ),
    Toolchain(
        mark="prometheus",
        programs=("promtool", "prometheus", "amtool", "prometheus-alertmanager"),
        how="install it (Debian: apt-get install prometheus prometheus-alertmanager)",
        tests="alerts and the dashboard",
    ),
    Toolchain(
        mark="keycloak",
        programs=(str(keycloak.SCRIPT),),
        how="fetch it (.venv/bin/python -m tests.support.login.keycloak, 180 MB)",
        tests="the login at a real Keycloak",
    ),
)


if __name__ == "__main__":
    wanted = next(each for each in TOOLCHAINS if each.mark == sys.argv[1])
    if not wanted.is_there:
        sys.exit(wanted.missing)
