"""Templates. In: a template and its values. Out: HTML in which values are escaped."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hub.clock import AMSTERDAM
from hub.console.drawing import draw_lines
from hub.console.files import static_path
from hub.console.i18n import Translator, tone
from hub.domain.failure_words import failure_in_dutch
from hub.domain.health_words import explain_fault
from hub.domain.says import Language, age, explain
from hub.views.runbook import runbook_link
from schemas.text import make_visible

CONSOLE_DIR: Final = Path(__file__).parent
_BOARD: Final = re.compile(r"\d{5}( \(\+\d+\))?$")


def render(template: str, values: Mapping[str, Any]) -> str:
    """Render a template."""
    return _templates.get_template(template).render(values)


def local_time(moment: datetime | None) -> str:
    """Format a moment as Amsterdam time."""
    return "-" if moment is None else moment.astimezone(AMSTERDAM).strftime("%d-%m-%Y %H:%M:%S")


def moment_text(written: str | None) -> str:
    """Format a moment of a stored selection as Amsterdam time; nothing for none."""
    return local_minute(datetime.fromisoformat(written)) if written else ""


def local_minute(moment: datetime) -> str:
    """Format a moment as Amsterdam time, to the minute."""
    return moment.astimezone(AMSTERDAM).strftime("%d-%m-%Y %H:%M")


def local_day(moment: datetime) -> str:
    """Format the day of a moment in Amsterdam."""
    return moment.astimezone(AMSTERDAM).strftime("%d-%m-%Y")


def clock_time(moment: datetime) -> str:
    """Format a moment as hours and minutes in Amsterdam."""
    return moment.astimezone(AMSTERDAM).strftime("%H:%M")


def count_text(n: float) -> str:
    """Format a value at the axis of a chart that counts; nothing for what is no whole number."""
    return f"{n:.0f}" if n == int(n) else ""


def dutch_date(given: date | str | None) -> str:
    """Format a day as is usual in the Netherlands."""
    if given is None:
        return ""
    return (date.fromisoformat(given) if isinstance(given, str) else given).strftime("%d-%m-%Y")


def form_number(number: float, language: Language) -> str:
    """Format a number as a form takes it back, with the comma of the language."""
    shown = f"{number:.10g}"
    return shown if language is Language.ENGLISH else shown.replace(".", ",")


def month_name(month: str, words: Translator) -> str:
    """Format a month, written as 2026-11, as people say it."""
    year, number = month.split("-")
    return f"{words('months').split()[int(number) - 1]} {year}"


def scope_text(shown_as: str, words: Translator) -> str:
    """Format for whom a visitor acts; a board without a name is told by its number."""
    named = (words("board_number", number=each) if _BOARD.match(each) else each for each in shown_as.split(", "))
    return ", ".join(named)


def fact_text(value: Any, name: str, words: Translator) -> str:  # noqa: ANN401 - what a note of the audit holds
    """Format a value of an audit entry; a list by its length."""
    match value:
        case bool():
            return words("yes" if value else "no")
        case int():
            return str(value)
        case list():
            return str(len(value))
        case dict() if value:
            given = {of: each for of, each in value.items() if each is not None}
            return ", ".join(f"{words.fact(of)}: {fact_text(each, of, words)}" for of, each in given.items())
        case str() if value:
            return _text(value, name, words)
        case _:
            return str(value) if value else words("no_routing")


def _text(value: str, name: str, words: Translator) -> str:
    match name:
        case "state":
            return words.state(value)
        case "status":
            return words.status(value)
        case _ if name.endswith(("Date", "closedOn")):
            return dutch_date(value)
        case _ if name.endswith("At"):
            return local_time(datetime.fromisoformat(value))
        case _:
            return value


def _age_text(words: Translator) -> Callable[[float], str]:
    """Return a function that formats a duration in a language."""
    return lambda seconds: "0" if seconds == 0 else age(seconds, words.language)


def _with_code(text: str) -> Markup:
    """Show what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if nth % 2 else part for nth, part in enumerate(parts)
    )


def _failure(error: str, language: Language) -> str | None:
    """Return why an attempt failed in the language of the page; None where there are English words only."""
    return error if language is Language.ENGLISH else failure_in_dutch(error)


def _make_visible(value: Any) -> Any:  # noqa: ANN401 - whatever a template shows
    """Show control and direction characters in text as escapes; markup stays."""
    return make_visible(value, keep="\n\t") if type(value) is str else value


_templates: Final = Environment(
    loader=FileSystemLoader(CONSOLE_DIR / "templates"),
    autoescape=True,
    finalize=_make_visible,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(
    clock=clock_time,
    age=age,
    local=local_time,
    minute=local_minute,
    local_day=local_day,
    day=dutch_date,
    tone=tone,
    fact=fact_text,
    scope=scope_text,
    code=_with_code,
    month=month_name,
    moment=moment_text,
)
_templates.globals.update(
    says=partial(explain, on_page=True),
    health_says=explain_fault,
    static=static_path,
    runbook_link=runbook_link,
    failure_words=_failure,
    draw=draw_lines,
    count_text=count_text,
    age_text=_age_text,
)
