"""Turns templates into text. In: a template and what it shows. Out: HTML, in which nothing given is read as HTML."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hub.clock import AMSTERDAM
from hub.console.words import Words, tone
from hub.domain.says import age, says

HERE: Final = Path(__file__).parent


def render(template: str, values: Mapping[str, Any]) -> str:
    """Make a page."""
    return _templates.get_template(template).render(values)


def local(moment: datetime | None) -> str:
    """Write a moment as clocks in Amsterdam showed it."""
    return "-" if moment is None else moment.astimezone(AMSTERDAM).strftime("%d-%m-%Y %H:%M:%S")


def day(given: date | str | None) -> str:
    """Write a day as people in the Netherlands do."""
    if given is None:
        return ""
    return (date.fromisoformat(given) if isinstance(given, str) else given).strftime("%d-%m-%Y")


def fact(value: Any, name: str, words: Words) -> str:  # noqa: ANN401 - what a note of the audit holds
    """Write what a fact was or is; of a list how long it is."""
    match value:
        case bool():
            return words("yes" if value else "no")
        case list():
            return str(len(value))
        case dict() if value:
            return ", ".join(f"{branch}: {routing}" for branch, routing in value.items())
        case str() if value:
            return _text(value, name, words)
        case _:
            return str(value) if value else words("no_routing")


def _text(value: str, name: str, words: Words) -> str:
    match name:
        case "state":
            return words.state(value)
        case "status":
            return words.status(value)
        case _ if name.endswith("Date"):
            return day(value)
        case _ if name.endswith("At"):
            return local(datetime.fromisoformat(value))
        case _:
            return value


_templates: Final = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(age=age, local=local, day=day, tone=tone, fact=fact)
_templates.globals.update(says=says)
