"""What `osr-hub recover` says: all that an operator must know, and no more of it than fits on a screen."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.commands.recover import summary_lines
from hub.recovery import RecoveryResult
from hub.recovery.register import BranchChanges, RegisterAdditions

AT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
WHEN = "2026-11-25 09:30:00"
TEN = "00AA, 01AA, 02AA, 03AA, 04AA, 05AA, 06AA, 07AA, 08AA, 09AA"
REST = "what the log does not say of them comes with `osr-hub import schools FILE`"


def test_what_is_nothing_is_not_mentioned() -> None:
    """With nothing missing there is one sentence, and what to do when that cannot be."""
    said = list(summary_lines(RecoveryResult(), dry_run=False))
    assert said[0] == "the database has everything that was published; nothing was changed"
    assert "--new-epoch" in said[1]
    assert len(said) == 2


def test_a_dry_run_speaks_of_what_would_be() -> None:
    """No line of it claims that something was done."""
    done = RecoveryResult(
        events=1, mandates=1, first=AT, last=AT, renumbered=2, displaced=3, published=4, strange=5, epoch=2
    )
    assert list(summary_lines(done, dry_run=True)) == [
        "records on the log that are no events of this hub, passed over: 5",
        f"would be read back from the log: 1 event of 1 mandate, recorded from {WHEN} to {WHEN} UTC",
        "were to be published by the backup's account, and had been: 4",
        "recorded here since the restore, would get numbers after those of the log: 2",
        "would get another place in GET /v1/events than they were published with: 3",
        "ledgerepoch would be 2 now",
        "nothing of this was kept: it was a dry run; `osr-hub recover` does it",
    ]


def test_long_lists_are_counted_and_begun() -> None:
    """Of eight thousand schools ten are named."""
    made = RegisterAdditions(schools=tuple(f"{n:02}AA" for n in range(76)))
    done = RecoveryResult(epoch=3, made=made, turned=BranchChanges(closed=frozenset({"18DS03"})))
    said = list(summary_lines(done, dry_run=False))
    assert said[0] == "read back from the log: nothing, no event was missing"
    assert said[1] == f"schools that the backup did not have (76): {TEN} and more; {REST}"
    assert said[2] == "branches that closed since the backup (1): 18DS03"
    assert said[-1].startswith("next: ")
