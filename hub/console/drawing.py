"""Draws charts with pygal. In: series of values. Out: SVG in the page, without a script or a style of its own.

pygal writes a style sheet, a script and layers for tooltips into each drawing; they are taken out by its own filter,
and the page's style sheet colours what is left by its classes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pygal
from markupsafe import Markup
from pygal.etree import etree
from pygal.style import Style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WIDTH: Final = 380
HEIGHT: Final = 150
FONT: Final = 11
KEPT_CLASSES: Final = ("graph", "plot")
_OPTIONS: Final[Mapping[str, Any]] = {
    "css": [],
    "js": [],
    "disable_xml_declaration": True,
    "explicit_size": False,
    "no_data_text": "",
    "show_dots": False,
    "show_legend": False,
    "show_minor_x_labels": False,
    "truncate_label": -1,
    "allow_interruptions": True,
    "margin": 4,
    "width": WIDTH,
    "height": HEIGHT,
    "style": Style(label_font_size=FONT, major_label_font_size=FONT),
}
etree.to_etree()  # not lxml where it happens to be installed: the drawing is the same everywhere
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]
"""pygal's finder of plug-ins, which we have none of, would be asked about each module that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a chart: whose it is, and a value for each label; where there is none, the line has a gap."""

    kind: str
    values: Sequence[float | None]


def draw_lines(lines: Sequence[Line], labels: Sequence[str], shown: Callable[[float], str], says: str) -> Markup:
    """Return a chart of lines from 0 on, with whole hours at its foot.

    `shown` writes a value at the axis; `says` is what the chart shows, for those who cannot see it.
    """
    highest = max((value for line in lines for value in line.values if value is not None), default=0)
    chart = pygal.Line(
        **_OPTIONS,
        x_labels=labels,
        x_labels_major=[label for label in labels if label.endswith(":00")],
        y_labels=[0, highest / 2, highest] if highest else [0],
        value_formatter=shown,
    )
    for line in lines:
        chart.add(line.kind, _widen(line.values))

    def strip(root: Any) -> Any:  # noqa: ANN401 - an element of either tree that pygal knows
        return _strip(root, lines, says)

    chart.add_xml_filter(strip)
    return Markup(chart.render(is_unicode=True))  # noqa: S704 - pygal escapes what it writes


def _widen(values: Sequence[float | None]) -> list[float | None]:
    """Return values of which a single one between gaps is there twice, so that it can be seen."""
    found = list(values)
    for nth, value in enumerate(values):
        is_alone = (nth == 0 or values[nth - 1] is None) and (nth + 1 == len(values) or values[nth + 1] is None)
        if value is not None and is_alone:
            found[nth + 1 if nth + 1 < len(found) else nth - 1] = value
    return found


def _strip(root: Any, lines: Sequence[Line], says: str) -> Any:  # noqa: ANN401 - as above
    """Take out styles, scripts and tooltips, name the lines by their kinds, and say what the drawing shows."""
    for child in list(root):
        if child.tag != "g" or child.get("class", "").split()[0] not in KEPT_CLASSES:
            root.remove(child)
    for graph in root:
        for layer in list(graph):
            if layer.get("class", "") != "plot":
                graph.remove(layer)
        for group in graph.iter("g"):
            words = group.get("class", "").split()
            if words[:1] == ["series"]:
                group.set("class", f"series {lines[int(words[1].removeprefix('serie-'))].kind}")
    root.attrib.pop("id", None)
    root.set("class", "chart")
    root.set("role", "img")
    root.set("aria-label", says)
    return root
