"""The words of the pages: each in both languages, each used, and none asked for that is not there."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import hub.console
from hub.console import i18n
from hub.console.glance import Need
from hub.console.i18n import TEXTS, Translator, codes, tone
from hub.domain.bulk import BulkKind
from hub.domain.cause import Cause, CircuitState
from hub.domain.delivery import Status
from hub.domain.kinds import Kind
from hub.domain.reasons import CANCELLED_BY_OPERATOR, NO_RECEIVER, SUBSCRIPTION_DELETED
from hub.domain.says import Language
from hub.errors import Conflict, FieldError, HubError, InvalidInput, NotAllowed, NotFound, PreconditionFailed
from hub.observe.statement import Party
from schemas.kinds import Change, MandateState, NoticeCause, SignalKind

HOME = Path(hub.console.__file__).parent
SOURCES = ("*.py", "i18n/__init__.py", "templates/*.html")
TEXT = "\n".join(path.read_text() for glob in SOURCES for path in HOME.glob(glob))
ASKED = set(re.findall(r"""(?:\bt|words|self)(?:\.count)?\(["']([a-z_]+)["']""", TEXT))
NAMED = set(re.findall(r"""["']([a-z_]+)["']""", TEXT))
HELPED = set(re.findall(r"""\bhelp\(["']([a-z]+)["']""", TEXT))
BOTH = {**{("words", key): both for key, both in TEXTS.items()}} | {
    (name, key): both for name, table in vars(codes).items() if name.isupper() for key, both in table.items()
}


def test_a_key_stands_in_one_place() -> None:
    """No module of words takes a key away from another."""
    parts = [part for part in vars(i18n).values() if hasattr(part, "TEXTS") and part is not i18n]
    assert len(parts) > 5
    assert len(TEXTS) == sum(len(part.TEXTS) for part in parts)


def test_what_pages_ask_for_is_there_and_what_is_there_is_asked_for() -> None:
    """Every key of a template or a page is known, and no word lies about unused."""
    pairs = {
        "blame_": ("sender", "hub"),
        "new_": ("replay", "cancellation"),
        "act_confirm_": ("replay", "cancellation"),
        "notice_": tuple(NoticeCause),
        "waits_": ("held", "no_receiver"),
        "kind_": tuple(Kind),
        "signal_": tuple(SignalKind),
        "need_": tuple(Need),
        "sum_": (*Need, "coming"),
        "help_": HELPED,
        "step_": (
            "retry",
            "refused",
            "gone",
            "delivered",
            "recorded",
            "planned",
            "published",
            "report",
            "report_kept",
        ),
        "light_": ("produce", "plan", "forward", "reports"),
        "turn_": ("hub", "held", "receiver", "back_office", "school"),
        "party_": tuple(Party),
        "owes_": tuple(Party),
        "statement_": (
            "failed_attempts",
            "refused_attempts",
            "given_up",
            "rejected",
            "with_signal",
            "unavailable_seconds",
            "circuit_open_seconds",
            "held_seconds",
        ),
        "turn_of_": tuple(Cause),
        "bulk_": ("retry", "discard"),
        "act_mix_": tuple(BulkKind),
        "parked_": tuple(codes.PARKED),
        "why_": (
            "exhausted",
            "refused",
            "held_by_operator",
            "subscription_not_active",
            CANCELLED_BY_OPERATOR,
            NO_RECEIVER,
            SUBSCRIPTION_DELETED,
        ),
        "about_": ("BRON_PO", "VERZUIM", "RIO", "VVA", "other"),
    }
    parts = {f"{one}{two}" for one, ends in {**pairs, "how_": ("none", "free", "own")}.items() for two in ends}
    parts |= {f"help_{name}_says" for name in HELPED}
    parts |= {f"msg_{status}" for status in (*Status, "needs_routing", "not_planned")}
    parts |= {f"msg_{status}_las" for status in ("delivered", "in_progress")}
    parts |= {f"age_{unit}" for unit in ("minute", "hour", "day")}
    parts |= {f"did_{action.replace('.', '_')}" for action in (*codes.ACTIONS, "mandates.imported", "school.imported")}
    plural = {key for key in TEXTS if key.endswith("_n") and key[:-2] in ASKED | parts}

    assert len(ASKED) > 100
    assert {key for key in ASKED if key not in TEXTS} <= {*pairs, "how_"}
    assert set(TEXTS) - ASKED - NAMED - parts - plural == set()


@pytest.mark.parametrize(("key", "both"), BOTH.items(), ids=str)
def test_both_languages_say_the_same(key: object, both: tuple[str, str]) -> None:
    """Neither is empty, and what stands in a sentence stands in both."""
    del key
    dutch, english = both

    assert dutch.strip()
    assert english.strip()
    assert _names(dutch) == _names(english)


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_code_has_words() -> None:
    """Whatever state, status, cause or change there is can be said to people."""
    assert {str(status) for status in Status} <= set(codes.STATUSES)
    assert {str(state) for state in MandateState} == set(codes.STATES)
    assert {str(cause) for cause in Cause} == set(codes.CAUSES)
    assert {str(state) for state in CircuitState} == set(codes.CIRCUITS)
    assert {str(change) for change in Change} <= set(codes.CHANGES)


def test_what_went_wrong_is_said_in_the_language_of_the_page() -> None:
    """A fault has words of its own, and where it has none, the hub's."""
    t = Translator(Language.DUTCH)
    wrong = FieldError(field="/endDate", code="before_start", detail="…")

    assert t.fault(NotFound("no mandate x")) == "Deze pagina is er niet, of u mag hem niet zien."
    assert t.fault(PreconditionFailed()).startswith("Iemand anders heeft dit intussen gewijzigd.")
    assert t.fault(Conflict("ended")).startswith("Dit mandaat is ingetrokken of afgelopen")
    assert t.fault(Conflict("strange", "something strange")) == "something strange"
    assert t.fault(InvalidInput([wrong])) == "De einddatum ligt vóór de begindatum."
    assert t.fault(InvalidInput([], "nothing")) == "nothing"
    assert t.fault(NotAllowed("niet u")) == "niet u"
    assert t.fault(HubError("broken")).startswith("Er ging bij ons iets mis.")
    assert Translator(Language.ENGLISH).count("copy_will", 2) == "2 schools get this mandate"
    assert [tone(code) for code in ("processed", "rejected", "waiting", "ended")] == ["good", "bad", "busy", "quiet"]
