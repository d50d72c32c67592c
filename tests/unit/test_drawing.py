"""Charts: what the security policy of the pages refuses is not in them, gaps stay gaps, and a lonely value is seen."""

from __future__ import annotations

import re

from hub.console.drawing import Line, draw_lines

LABELS = [f"{6 + nth // 12:02}:{nth % 12 * 5:02}" for nth in range(24)]


def draw(*values: float | None, says: str = "twee lijnen") -> str:
    """Draw a line of these values beside one of zeros."""
    filled = [*values, *[None] * (24 - len(values))]
    lines = [Line(kind="duo", values=filled), Line(kind="las", values=[0.0] * 24)]
    return str(draw_lines(lines, LABELS, lambda n: f"{n:g} s", says))


def paths(drawing: str, kind: str) -> list[str]:
    """Return the paths of a line."""
    found = re.search(rf'<g class="series {kind}">(.*?)</g>', drawing)
    assert found is not None
    return re.findall(r' d="([^"]+)"', found[1])


def test_there_is_no_style_and_no_script_in_a_chart() -> None:
    """Nothing inline, no comment, nothing from elsewhere, no id; it says what it shows."""
    drawing = draw(1.0, 2.0, says='een "hoge" <piek>')
    for part in ("style", "script", "<!--", "<defs", "tooltip", ' id="', "http://pygal", "https://"):
        assert part not in drawing, part
    assert re.match(r'<svg [^>]*role="img"', drawing)
    assert 'aria-label="een &quot;hoge&quot; &lt;piek&gt;"' in drawing


def test_the_axes_have_whole_hours_and_the_highest_value() -> None:
    """Labels at the foot are hours; on the left stand nothing, half and all of the highest."""
    words = re.findall(r"<text[^>]*>([^<]*)</text>", draw(8.0, 2.0))
    assert words == ["0 s", "4 s", "8 s", "06:00", "07:00"]


def test_a_gap_is_a_gap_and_a_single_value_is_a_short_line() -> None:
    """Two stretches are two paths; a value between gaps reaches to the next place."""
    assert len(paths(draw(1.0, 2.0, None, 3.0, 4.0), "duo")) == 2
    alone = paths(draw(None, 5.0), "duo")
    assert len(alone) == 1
    assert len(re.findall(r"\d+\.\d+ \d+\.\d+", alone[0])) == 2
    at_the_end = paths(draw(*[None] * 23, 5.0), "duo")
    assert len(re.findall(r"\d+\.\d+ \d+\.\d+", at_the_end[0])) == 2


def test_a_chart_of_nothing_is_empty() -> None:
    """Zeros are a line on the ground; no value at all is no line."""
    assert len(paths(draw(), "las")) == 1
    assert '<g class="series duo" />' in draw()
