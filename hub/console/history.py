"""The history of a school in sentences. In: entries of its audit, and names. Out: who did what, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from hub.console.templating import dutch_date
from hub.store.people import SystemActor

if TYPE_CHECKING:
    from datetime import datetime

    from hub.console.i18n import Translator
    from hub.store.operations import AuditRecord

_OF_SCHOOLS: Final = ("mandate.", "routing.")
"""What a school's administrators do; the rest is done by those who operate the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """A sentence of the history, the mandate that it is about, and the reason where there is one."""

    at: datetime
    says: str
    mandate_id: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Historian:
    """What sentences need: a language, who reads them, and the names of people, systems and services."""

    words: Translator
    reader: str
    is_operator: bool
    people: Mapping[str, str]
    """By pseudonym, of people whose name is known."""
    systems: Mapping[str, str]
    services: Mapping[str, str]

    def tell(self, note: AuditRecord) -> HistoryLine:
        """Return the sentence of an entry."""
        subject = note.subject
        is_of_school = note.action.startswith(_OF_SCHOOLS)
        return HistoryLine(
            at=note.at,
            says=self._sentence(note),
            mandate_id=subject.get("mandateId"),
            reason=note.reason if self.is_operator or is_of_school else None,
        )

    def _sentence(self, note: AuditRecord) -> str:
        after, before = note.after or {}, note.before or {}
        who = self._who(note)
        values: dict[str, Any] = {
            "who": who,
            "system": self._name(self.systems, note.subject.get("systemCode") or note.subject.get("supplierOin")),
            "service": self._name(self.services, note.subject.get("serviceCode")),
            "period": self._period(after.get("startDate"), after.get("endDate")),
            "branch": note.subject.get("branch") or "",
            "routing": self._routing(note.subject.get("branch"), before, after),
            "changes": self._changes(before, after),
            "where": self._where(note.subject.get("destination")),
            "n": self._count(after),
        }
        key = f"did_{note.action.replace('.', '_')}"
        sentence = self.words(key, **values) if self.words.has(key) else self._other(note, who)
        return f"{sentence[:1].upper()}{sentence[1:]}"

    def _other(self, note: AuditRecord, who: str) -> str:
        return f"{self.words.action(note.action)} ({who})"

    def _who(self, note: AuditRecord) -> str:
        if note.actor in set(SystemActor):
            return self.words("who_hub" if note.actor == SystemActor.HUB else "who_import")
        if note.actor_name == self.reader:
            return self.words("yourself")
        if not self.is_operator and not note.action.startswith(_OF_SCHOOLS):
            return self.words("who_operator")
        if note.actor_name is None:
            return self.words("who_erased")
        return self.people.get(note.actor) or self.words("who_somebody")

    def _name(self, names: Mapping[str, str], code: str | None) -> str:
        return names.get(code or "", code or "-")

    def _period(self, start: str | None, end: str | None) -> str:
        first = f"{self.words('from')} {dutch_date(start)}" if start else ""
        last = f"{self.words('until')} {dutch_date(end)}" if end else self.words("no_end")
        return f"{first} {last}" if end else f"{first}, {last}".lstrip(", ")

    def _routing(self, branch: str | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
        given = (after.get("routing") or {}).get(branch) or (before.get("routing") or {}).get(branch)
        return str(given or "")

    def _changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
        """Return which dates changed, from what to what."""
        changed = [name for name in ("startDate", "endDate") if name in after]
        return ", ".join(
            self.words(
                "did_change",
                what=self.words.fact(name),
                before=dutch_date(before.get(name)) or self.words("did_none"),
                after=dutch_date(after[name]) or self.words("did_none"),
            )
            for name in changed
        )

    def _where(self, destination: str | None) -> str:
        kind, _, code = (destination or "").partition(":")
        return f"DUO ({code})" if kind == "duo" else self._name(self.systems, code)

    def _count(self, after: Mapping[str, Any]) -> int:
        found = after.get("deliveries", after.get("mandates", 0))
        return found if isinstance(found, int) else len(found or ())


def is_person(actor: str) -> bool:
    """Return whether an actor of a record is a person's pseudonym, and not built-in."""
    return actor not in set(SystemActor) and len(actor) == 36  # noqa: PLR2004 - a UUID


def pseudonyms(notes: list[AuditRecord]) -> list[UUID]:
    """Return the people of entries; built-in actors are none."""
    return [UUID(note.actor) for note in notes if is_person(note.actor)]
