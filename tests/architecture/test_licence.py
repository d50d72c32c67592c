"""The licence: its official text, what the distribution says of it, and the pages for those who contribute."""

from __future__ import annotations

import re
from email import message_from_bytes
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from hatchling.build import prepare_metadata_for_build_wheel

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
OFFICIAL = "57fb42fbcd0b037ce528ed8f72f1ec095d67bc6825ecf1448ff39be1fe68a4b4"
"""SHA-256 of the English text of the EUPL 1.2 as the European Commission publishes it, with one newline at its end."""
LINK = re.compile(r"\]\(([^)#:]+)\)")


def test_the_licence_is_the_official_text() -> None:
    """Not a letter differs from the English text of the European Union Public Licence 1.2."""
    assert sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == OFFICIAL


def test_the_distribution_names_its_licence_and_carries_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metadata has the SPDX expression and the file."""
    monkeypatch.chdir(ROOT)
    made = tmp_path / prepare_metadata_for_build_wheel(str(tmp_path))
    said = message_from_bytes((made / "METADATA").read_bytes())

    assert (said["License-Expression"], said.get_all("License-File")) == ("EUPL-1.2", ["LICENSE"])


def test_pages_for_contributors_lead_somewhere() -> None:
    """CONTRIBUTING and SECURITY are where hosts of code look for them, and their links lead to files."""
    pages = [ROOT / ".github" / name for name in ("CONTRIBUTING.md", "SECURITY.md")]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text())]

    assert len(links) >= 3
    assert [(page, link) for page, link in links if not (page.parent / link).exists()] == []
