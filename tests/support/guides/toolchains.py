"""Finds Node, Java, curl and Prometheus for tests. In: the PATH. Out: where they are, or what to install.

As a program, with the name of one, it exits 1 when that is not there, so that `make test` can say what it leaves out.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """Programs that tests need and that Python does not bring."""

    mark: str
    programs: tuple[str, ...]
    package: str
    tests: str

    @property
    def is_there(self) -> bool:
        """Whether all its programs are on the PATH."""
        return all(shutil.which(program) for program in self.programs)

    @property
    def missing(self) -> str:
        """Return in words what is not there, and how to get it."""
        return f"no {' or no '.join(self.programs)} was found: install it (Debian: apt-get install {self.package})"

    def describe(self) -> str:
        """Say which one the tests take."""
        return f"{self.mark}: {shutil.which(self.programs[0]) if self.is_there else self.missing}"


TOOLCHAINS: Final = (
    Toolchain(
        mark="node",
        programs=("node", "npm"),
        package="nodejs npm",
        tests="the receiver for Node",
    ),
    Toolchain(mark="java", programs=("java", "javac"), package="default-jdk-headless", tests="the reader in Java"),
    Toolchain(mark="curl", programs=("curl", "bash"), package="curl", tests="the commands of the guides"),
    Toolchain(
        mark="prometheus",
        programs=("promtool", "prometheus", "amtool", "prometheus-alertmanager"),
        package="prometheus prometheus-alertmanager",
        tests="alerts and the dashboard",
    ),
)


if __name__ == "__main__":
    wanted = next(each for each in TOOLCHAINS if each.mark == sys.argv[1])
    if not wanted.is_there:
        sys.exit(wanted.missing)
