"""What is left out for want of Node, a JDK, curl or Keycloak is said in words, and CI gets all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from tests import conftest
from tests.support.guides.toolchains import TOOLCHAINS, Toolchain

ROOT: Final = Path(__file__).parents[2]


@pytest.mark.parametrize("toolchain", TOOLCHAINS, ids=lambda each: each.mark)
def test_a_machine_without_it_is_told(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The words name what to install; the program that `make test` asks exits 1 with them."""
    monkeypatch.setenv("PATH", "")
    toolchain = replace(toolchain, programs=tuple(Path(each).name for each in toolchain.programs))
    assert not toolchain.is_there
    assert toolchain.describe() == f"{toolchain.mark}: {toolchain.missing}"
    assert toolchain.how in toolchain.missing
    words = (sys.executable, "-m", "tests.support.guides.toolchains", toolchain.mark)
    env = {**os.environ, "PATH": "", "XDG_CACHE_HOME": str(tmp_path)}
    ran = subprocess.run(words, env=env, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert (ran.returncode, ran.stderr.strip()) == (1, toolchain.missing)


def test_what_is_left_out_is_said_at_the_end() -> None:
    """Each mark that a run leaves out has its line; without one there is none."""
    said: list[str] = []
    reporter: Any = SimpleNamespace(write_line=said.append)
    for marks in ("", " and ".join(f"not {each.mark}" for each in TOOLCHAINS)):
        config: Any = SimpleNamespace(option=SimpleNamespace(markexpr=marks))
        conftest.pytest_terminal_summary(reporter, config)
    assert said == [f"LEFT OUT, {each.tests}: {each.missing}" for each in TOOLCHAINS]


def test_make_and_ci_know_all_of_them() -> None:
    """`make test` asks for each, and CI installs or fetches each."""
    makefile, ci = (ROOT / "Makefile").read_text(), (ROOT / ".ci" / "run").read_text()
    assert f"for each in {' '.join(each.mark for each in TOOLCHAINS)}; do" in makefile
    assert "\n.venv/bin/python -m tests.support.login.keycloak " in ci
    for each in TOOLCHAINS:
        if "apt-get" in each.how:
            assert f"\n.venv/bin/python -m tests.support.guides.toolchains {each.mark}\n" in ci
            assert f"wanted+=({each.how.removesuffix(')').partition('apt-get install ')[2]})" in ci
