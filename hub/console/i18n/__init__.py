"""What pages say, in two languages. In: a key or a code. Out: words.

`shell` is what all pages share, `operations` and `school` are the pages of each, `codes` is what programs write and
people should not have to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub.console.i18n import codes, operations, school, shell
from hub.domain.says import Language
from hub.errors import Conflict, InvalidInput, NotFound, PreconditionFailed, TooManyRequests, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.errors import HubError

TEXTS: Final[Mapping[str, tuple[str, str]]] = {**shell.TEXTS, **operations.TEXTS, **school.TEXTS}
GOOD: Final = frozenset({"processed", "activated", "none", "active", "would_create", "created", "closed", "done"})
BAD: Final = frozenset({"rejected", "declined", "dead", "receiver_down", "refused", "hub", "needs_routing"})
_OF_FAULTS: Final = {NotFound: "not_there", Unavailable: "unavailable", PreconditionFailed: "stale"}
QUIET: Final = frozenset({"ended", "withdrawn", "cancelled", "superseded", "skipped"})


class Translator:
    """The words of one language; a template calls them by name."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._nth = 0 if language is Language.DUTCH else 1

    @property
    def other(self) -> Language:
        """The language to switch to."""
        return Language.ENGLISH if self.language is Language.DUTCH else Language.DUTCH

    def __call__(self, key: str, **values: Any) -> str:  # noqa: ANN401 - what stands in a sentence
        """Say a text of a page, with what belongs in it."""
        text = TEXTS[key][self._nth]
        return text.format(**values) if values else text

    def count(self, key: str, n: int) -> str:
        """Say how many there are: `key` has the words for one, `key`_n those for another number."""
        return self(key if n == 1 else f"{key}_n", n=n)

    def status(self, status: str) -> str:
        """Say a status."""
        return codes.STATUSES[status][self._nth]

    def state(self, state: str) -> str:
        """Say where a mandate stands, or a replay or a cancellation."""
        return (codes.STATES.get(state) or codes.ACT_STATES[state])[self._nth]

    def cause(self, cause: str) -> str:
        """Say whose turn it is."""
        return codes.CAUSES[cause][self._nth]

    def reason(self, reason: str) -> str:
        """Say why a copy is not made."""
        return codes.COPY_REASONS[reason][self._nth]

    def change(self, change: str) -> str:
        """Say what an event was about."""
        return codes.CHANGES[change][self._nth]

    def action(self, action: str) -> str:
        """Say what somebody did; an action without words of its own is named as it is."""
        return codes.ACTIONS.get(action, (action, action))[self._nth]

    def fact(self, name: str) -> str:
        """Say which fact a note is about."""
        return codes.FACTS.get(name, (name, name))[self._nth]

    def act_state(self, state: str) -> str:
        """Say where a replay or a cancellation stands."""
        return codes.ACT_STATES[state][self._nth]

    def parked(self, reason: str) -> str:
        """Say why a record was put aside."""
        return codes.PARKED[reason][self._nth]

    def circuit(self, state: str) -> str:
        """Say whether a destination is being called."""
        return codes.CIRCUITS[state][self._nth]

    def advice(self, status: str, *, is_queue: bool) -> str:
        """Say what a school may do about a status; nothing where there is nothing to say."""
        words = codes.ADVICE.get((status, is_queue)) or codes.ADVICE.get((status, None))
        return words[self._nth] if words else ""

    def error(self, field: str, code: str, detail: str) -> str:
        """Say what is wrong with a field; what has no words of its own is said in the hub's."""
        words = codes.ERRORS.get((field, code)) or codes.ERRORS.get(("", code))
        return words[self._nth] if words else detail

    def fault(self, fault: HubError) -> str:
        """Say what went wrong with a request as a whole."""
        match fault:
            case NotFound() | Unavailable() | PreconditionFailed():
                return self(_OF_FAULTS[type(fault)])
            case TooManyRequests():
                return self("too_often", seconds=fault.seconds)
            case Conflict():
                return self.error("", fault.reason, str(fault))
            case InvalidInput():
                return " ".join(self.error(e.field, e.code, e.detail) for e in fault.errors) or fault.detail
            case _:
                return fault.detail


def tone(code: str) -> str:
    """Say how a status or a cause is coloured."""
    if code in GOOD:
        return "good"
    if code in QUIET:
        return "quiet"
    return "bad" if code in BAD else "busy"
