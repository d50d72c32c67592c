"""Pages lead to sections of the runbook that exist, and every cause of lag has one."""

from __future__ import annotations

import pytest

from hub.console.guides import read_runbook
from hub.domain.cause import Cause
from hub.views.runbook import SECTIONS, runbook_link


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_is_in_the_runbook(section: str) -> None:
    """The address ends in the anchor of its heading."""
    page, _, anchor = runbook_link(section).partition("#")
    assert page == "/docs/runbook"
    assert (anchor, section) in read_runbook().headings


def test_every_cause_has_a_section() -> None:
    """A page can lead to it from whatever it shows; an unknown section is a fault of ours."""
    assert {cause.value for cause in Cause} <= set(SECTIONS)
    with pytest.raises(KeyError):
        runbook_link("nonsense")
