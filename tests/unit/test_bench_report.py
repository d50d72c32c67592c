"""Figures of `make bench`: shown with as many digits as mean something, compared, and written into the README."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tests.bench import readme
from tests.bench.figures import Figure, Outcome, document, latencies, quantile, rate
from tests.bench.report import make_table, read_earlier, shown
from tests.bench.run import compare_rivals
from tests.bench.scenarios.way_in import COMPARED, compare
from tests.bench.world import Arrival, inversions


def found(*outcomes: Outcome) -> dict[str, Any]:
    """Return a document as it is kept."""
    return document(outcomes, {"PostgreSQL fsync": "on"})


def measured(name: str, *figures: Figure) -> Outcome:
    """Return the outcome of a scenario that went well."""
    return Outcome(scenario=name, figures=figures, error=None, seconds=1.0)


def printed(table: Any) -> str:
    """Return a table as text."""
    console = Console(width=200, record=True, file=StringIO())
    console.print(table)
    return console.export_text()


def test_quantiles_are_values_that_were_measured() -> None:
    """The value below which a share lies, whatever the order."""
    assert [quantile([4, 1, 3, 2, 5], share) for share in (0, 0.5, 1)] == [1, 3, 5]
    assert [(one.what, one.value) for one in latencies("x", [0.002, 0.001], (0.5, 1))] == [
        ("x, p50", 1),
        ("x, p100", 2),
    ]


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (12345.6, "/s", "12,346/s"),
        (8.456, "ms", "8.46 ms"),
        (0.1167, "s", "0.117 s"),
        (12.34, "x", "12.3 x"),
        (0, "", "0"),
    ],
)
def test_a_value_has_as_many_digits_as_mean_something(value: float, unit: str, said: str) -> None:
    """Large numbers are whole, small ones have three digits."""
    assert shown({"value": value, "unit": unit}) == said


def test_a_worse_figure_stands_beside_the_earlier_one() -> None:
    """Comparing shows both values and their ratio; a scenario that was not measured before has none."""
    earlier = read_earlier(found(measured("webhooks", rate("deliveries settled", 8000))))
    now = found(measured("webhooks", rate("deliveries settled", 4000)), measured("new", rate("messages", 5)))
    text = printed(make_table(now, earlier))
    assert "4,000/s" in text
    assert "8,000/s" in text
    assert "0.50" in text
    assert "5/s" in text


def test_a_scenario_that_failed_is_shown_and_hides_no_other() -> None:
    """Its error stands where its figures would."""
    failed = Outcome(scenario="queue", figures=(), error="TimeoutError: x", seconds=3.0)
    text = printed(make_table(found(failed, measured("webhooks", rate("deliveries settled", 1)))))
    assert "TimeoutError: x" in text
    assert "deliveries settled" in text


def test_rivals_are_compared_where_both_were_measured() -> None:
    """The ratio is the hub's rate over theirs."""
    ours, bare = measured("webhooks", rate("deliveries settled", 6000)), measured("bare", rate("messages taken", 9000))
    assert compare_rivals([ours]) == compare_rivals([bare]) == []
    (ratios,) = compare_rivals([ours, bare])
    assert [(one.what, round(one.value, 3)) for one in ratios.figures] == [("the hub's rate to that of bare", 0.667)]


def test_the_readme_gets_what_was_measured() -> None:
    """Rows without a figure are left out, and the machine is named."""
    text = readme.table(found(measured("webhooks", rate("deliveries settled", 6529.4))))
    assert "| changes to webhooks, sustained, and CPU seconds per 1,000 | 6,529/s |" in text
    assert "procrastinate" not in text
    assert "cores of" in text


def test_a_repeat_is_no_inversion() -> None:
    """Only what comes for the first time after a later one is out of order, per lane."""
    numbers = [1, 2, 1, 4, 3, 3]
    assert inversions([Arrival("/ok", "18DS", number, 0.0) for number in numbers]) == 1
    assert inversions([Arrival(path, "18DS", number, 0.0) for path, number in (("/a", 2), ("/b", 1))]) == 0


def test_the_floor_stands_beside_the_way_in() -> None:
    """Each of the hub's figures is divided by the floor's of the same name, and the floor is shown as it is."""
    names = [f"{callers}: {what}" for callers in ("1 caller", "16 callers") for what, _ in COMPARED]
    ours = [Figure(what=name, value=6, unit="") for name in names]
    lowest = [Figure(what=f"the floor, {name}", value=2, unit="") for name in names]
    shown_too, ratios = (got := compare(ours, lowest))[: len(names)], got[len(names) :]
    assert shown_too == lowest
    assert {(one.value, one.unit) for one in ratios} == {(3.0, "x")}
    assert [one.better for one in ratios] == ["higher", "lower", "lower"] * 2
