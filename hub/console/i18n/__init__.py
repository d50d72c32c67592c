"""Texts of pages in two languages. In: a key or a code. Out: a text.

`shell` is what all pages share, `operations`, `overview` and `school` are the pages of each, `codes` is what programs
write and people should not have to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub.console.i18n import (
    answers,
    codes,
    console,
    deliveries,
    docs,
    history,
    operations,
    overview,
    progress,
    school,
    shell,
    statement,
    succession,
)
from hub.domain.says import Language
from hub.errors import (
    Conflict,
    HubError,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    TooLarge,
    TooManyChanges,
    TooManyRequests,
    TooSlow,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    **shell.TEXTS, **docs.TEXTS, **operations.TEXTS, **deliveries.TEXTS, **console.TEXTS, **school.TEXTS,
    **succession.TEXTS, **overview.TEXTS, **progress.TEXTS, **history.TEXTS, **answers.TEXTS,
    **statement.TEXTS,
}  # fmt: skip
GOOD: Final = frozenset(
    {"orde", "processed", "activated", "none", "active", "would_create", "created", "closed", "done"}
)
BAD: Final = frozenset({"actie", "rejected", "declined", "dead", "receiver_down", "refused", "hub", "needs_routing"})
_OF_FAULTS: Final[Mapping[type[HubError], str]] = {
    NotFound: "not_there",
    Unavailable: "unavailable",
    TooSlow: "unavailable",
    PreconditionFailed: "stale",
    TooLarge: "too_large",
    HubError: "hub_failed",
}
QUIET: Final = frozenset({"geen", "ended", "withdrawn", "cancelled", "superseded", "skipped"})


class Translator:
    """The texts of one language; a template calls it with a key."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._nth = 0 if language is Language.DUTCH else 1

    @property
    def other(self) -> Language:
        """The language to switch to."""
        return Language.ENGLISH if self.language is Language.DUTCH else Language.DUTCH

    def __call__(self, key: str, **values: Any) -> str:  # noqa: ANN401 - what stands in a sentence
        """Return a text with its values filled in."""
        text = TEXTS[key][self._nth]
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Return whether there is a text with this key."""
        return key in TEXTS

    def count(self, key: str, n: int) -> str:
        """Return a text with a number: `key` for one, `key`_n for any other number."""
        return self(key if n == 1 else f"{key}_n", n=n)

    def status(self, status: str) -> str:
        """Return the text of a status."""
        known = codes.STATUSES.get(status) or codes.STATES.get(status) or (status, status)
        return known[self._nth]

    def state(self, state: str) -> str:
        """Return the text of the state of a mandate or a bulk job."""
        known = codes.STATES.get(state) or codes.ACT_STATES.get(state) or codes.PARKED_STATES.get(state, (state, state))
        return known[self._nth]

    def cause(self, cause: str) -> str:
        """Return the text of a cause of lag."""
        return codes.CAUSES[cause][self._nth]

    def reason(self, reason: str) -> str:
        """Return why a copy is not made."""
        return codes.COPY_REASONS[reason][self._nth]

    def change(self, change: str) -> str:
        """Return what an event changed."""
        return codes.CHANGES[change][self._nth]

    def action(self, action: str) -> str:
        """Return the text of an audit action; without one, its code."""
        return codes.ACTIONS.get(action, (action, action))[self._nth]

    def fact(self, name: str) -> str:
        """Return the name of an audit field; without one, its code."""
        return codes.FACTS.get(name, (name, name))[self._nth]

    def act_state(self, state: str) -> str:
        """Return the text of the state of a bulk job."""
        return codes.ACT_STATES[state][self._nth]

    def parked(self, reason: str) -> str:
        """Return why a record was parked."""
        return codes.PARKED[reason][self._nth]

    def circuit(self, state: str) -> str:
        """Return the text of a circuit's state."""
        return codes.CIRCUITS[state][self._nth]

    def error(self, field: str, code: str, detail: str) -> str:
        """Return the text of a field error; without one, the hub's own detail."""
        words = codes.ERRORS.get((field, code)) or codes.ERRORS.get(("", code))
        return words[self._nth] if words else detail

    def fault(self, fault: HubError) -> str:
        """Return the text of an error of a whole request."""
        if type(fault) in _OF_FAULTS:
            return self(_OF_FAULTS[type(fault)])
        match fault:
            case TooManyChanges():
                return self("too_many_changes", seconds=fault.seconds)
            case TooManyRequests():
                return self("too_often", seconds=fault.seconds)
            case Conflict():
                return self.error("", fault.reason, str(fault))
            case InvalidInput():
                return " ".join(self.error(e.field, e.code, e.detail) for e in fault.errors) or fault.detail
            case _:
                return fault.detail


def tone(code: str) -> str:
    """Return the colour of a status or a cause."""
    if code in GOOD:
        return "good"
    if code in QUIET:
        return "quiet"
    return "bad" if code in BAD else "busy"
