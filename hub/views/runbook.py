"""Links to the runbook, which the hub shows at `/docs/runbook`. In: a section, as its heading. Out: an address."""

from __future__ import annotations

from typing import Final

from hub.domain.cause import Cause

RUNBOOK: Final = "/docs/runbook"
SECTIONS: Final = (
    *(cause.value for cause in Cause),
    "sending.paused",
    "OsrHubCircuitOpen",
    "OsrHubGivenUp",
    "OsrHubParked",
    "OsrHubProcessStuck",
    "OsrHubRejected",
    "OsrHubUnplanned",
    "OsrHubUnread",
    "Sending again",
    "Following one change",
    "Who owed what in a month",
)
"""The headings to which pages lead; a test finds each in the runbook."""


def runbook_link(section: str) -> str:
    """Return the address of a section of the runbook; raise `KeyError` for one that pages do not lead to."""
    if section not in SECTIONS:
        raise KeyError(section)
    return f"{RUNBOOK}#{anchor_of(section)}"


def anchor_of(heading: str) -> str:
    """Return the anchor that a heading has here and at a forge."""
    kept = "".join(letter for letter in heading if letter.isalnum() or letter in "_- ")
    return kept.lower().replace(" ", "-")
