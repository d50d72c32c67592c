"""What pages say about a message: every status has a sentence in both languages, with its age and whom to ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from hub.console.glance import Need, glance_at, need_of
from hub.console.i18n import Translator
from hub.console.i18n.codes import STATUSES
from hub.console.progress import Narrator
from hub.domain.delivery import Status
from hub.domain.says import Language
from hub.observe.status import BranchStatus, Cell, SchoolStatus
from schemas.identifiers import Branch, Brin
from schemas.kinds import MandateState

WAITS = "Wacht op verwerking door DUO"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def cell(status: str | None, *, hours: float = 3, **changes: Any) -> Cell:
    """Make the cell of a message to DUO whose status is some hours old."""
    fields: dict[str, Any] = {
        "service_code": "RIO",
        "supplier_oin": "1",
        "system_code": "1",
        "system_name": "Zandloper",
        "mandate_id": uuid4(),
        "mandate_version": 1,
        "mandate_state": MandateState.ACTIVE,
        "coverage": "school",
        "routing_id": None,
        "destination": "duo:rio",
        "status": status,
        "since": NOW - timedelta(hours=hours),
    }
    return Cell(**{**fields, **changes})


def narrator(language: Language = Language.DUTCH, usual: float | None = None) -> Narrator:
    """Make a narrator that knows how long the queue of RIO usually takes."""
    return Narrator(words=Translator(language), now=NOW, usual={} if usual is None else {"duo:rio": usual})


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("destination", ["duo:rio", "las:1"])
def test_every_status_has_a_sentence(language: Language, destination: str) -> None:
    """Each status that a cell can show is told, and no text has a gap left open."""
    for status in (*Status, "held", None):
        told = narrator(language).tell(cell(status, destination=destination))
        assert told.says, status
        assert "{" not in told.says
        assert narrator(language).code(cell(status, destination=destination)) in STATUSES
    assert narrator(language).tell(cell(None, coverage="needs_routing")).says


@pytest.mark.parametrize(
    ("hours", "usual", "says", "whom"),
    [
        (50, 100_000, f"{WAITS}, al 2 dagen. DUO doet er meestal minder dan 2 dagen over.", "duo"),
        (5, 3601, f"{WAITS}, al 5 uur. DUO doet er meestal minder dan 2 uur over.", ""),
        (1, 3600, f"{WAITS}, al 1 uur. DUO doet er meestal minder dan 60 minuten over.", ""),
        (0, 3, f"{WAITS}, al minder dan een minuut. DUO doet er meestal minder dan 1 minuut over.", ""),
        (25, None, f"{WAITS}, al 1 dag.", ""),
    ],
)  # fmt: skip
def test_what_waits_has_an_age(hours: float, usual: float | None, says: str, whom: str) -> None:
    """How long it waits, how long it usually takes where that is known, and after two days whom to ask."""
    told = narrator(usual=usual).tell(cell("delivered", hours=hours))
    assert (told.says, told.whom) == (says, whom)


def test_a_step_in_the_las_is_the_schools() -> None:
    """A system that works on it, or took it a day ago without a word, waits for the school; DUO does not."""
    las: dict[str, Any] = {"destination": "las:1"}
    assert narrator().tell(cell("in_progress", **las)).says.startswith("Nog een stap te zetten in Zandloper, al 3 uur.")
    assert need_of(cell("delivered", hours=3, **las), NOW) is Need.WAITING
    assert need_of(cell("delivered", hours=25, **las), NOW) is Need.ACTION
    assert need_of(cell("in_progress", hours=99), NOW) is Need.WAITING


def test_a_mandate_needs_the_most_of_what_its_branches_need() -> None:
    """A mandate counts once; what is over counts only while its end is not through."""
    same = uuid4()
    over: dict[str, Any] = {"mandate_state": MandateState.WITHDRAWN}
    cells = [
        [cell("processed", mandate_id=same), cell("processed"), cell("processed", **over)],
        [cell("rejected", mandate_id=same), cell("delivered", **over)],
    ]
    branches = [BranchStatus(branch=Branch(f"18DS0{n}"), name="", cells=each) for n, each in enumerate(cells)]
    found = glance_at(SchoolStatus(brin=Brin("18DS"), name="", as_of=NOW, branches=branches))
    assert found.counts == {Need.ACTION: 1, Need.WAITING: 1, Need.DONE: 1, Need.NOTHING: 0}
    assert (found.need, [point.code for point in found.points]) == (Need.ACTION, ["rejected"])
