"""Explains lag to an operator. In: a cause and the numbers of a destination. Out: sentences, with what to do.

English for programs and the command line, Dutch (and English by switch) for the console.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from hub.domain.cause import LATE_SECONDS, Cause
from hub.domain.failure_words import failure_in_dutch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.domain.cause import DestinationStatus

SECONDS_UNTIL: Final = 90.0
MINUTES_UNTIL: Final = 5400.0
HOURS_UNTIL: Final = 172_800.0
_ANSWERED: Final = re.compile(r"answered (\d{3})")


class Language(StrEnum):
    """The languages of pages."""

    DUTCH = "nl"
    ENGLISH = "en"


def explain(
    cause: Cause, standing: DestinationStatus, language: Language = Language.ENGLISH, *, on_page: bool = False
) -> str:
    """Return what is late at a destination and what to do; on a page, by its buttons and not by commands."""
    match language:
        case Language.ENGLISH:
            words, lost = _ENGLISH[cause](standing), _dead_in_english(standing, on_page=on_page)
            if on_page and cause is Cause.HELD:
                words = _held_in_english(standing, release="'Release' lets them go.")
        case Language.DUTCH:
            words, lost = _DUTCH[cause](standing), _dead_in_dutch(standing)
        case _:
            assert_never(language)
    return f"{words} {lost}".strip()


def age(seconds: float | None, language: Language = Language.ENGLISH) -> str:
    """Format a duration for people."""
    dutch = language is Language.DUTCH
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < SECONDS_UNTIL:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - digits that matter
    if seconds < MINUTES_UNTIL:
        return f"{seconds / 60:.0f} min"
    if seconds < HOURS_UNTIL:
        return f"{seconds / 3600:.0f} {'uur' if dutch else 'h'}"
    return f"{seconds / 86400:.0f} {'dagen' if dutch else 'days'}"


def _plural(n: int, one: str, more: str) -> str:
    return f"{n} {one if n == 1 else more}"


def _messages(n: int) -> str:
    return _plural(n, "message", "messages")


def _wait(n: int) -> str:
    return _plural(n, "message waits", "messages wait")


def _berichten(n: int) -> str:
    return _plural(n, "bericht", "berichten")


def _who(standing: DestinationStatus) -> str:
    return standing.shown_as or standing.name


def _silence_in_english(standing: DestinationStatus) -> str:
    """Return how a receiver fails: with an error that it answers, or without an answer, and why."""
    error = standing.circuit_error or (standing.failing.error if standing.failing else "")
    answered = _ANSWERED.search(error)
    if answered:
        return f"{_who(standing)} answers {answered[1]}"
    return f"{_who(standing)} does not answer{f' ({error})' if error else ''}"


def _silence_in_dutch(standing: DestinationStatus) -> str:
    error = standing.circuit_error or (standing.failing.error if standing.failing else "")
    answered = _ANSWERED.search(error)
    if answered:
        return f"{_who(standing)} antwoordt met fout {answered[1]}"
    why = failure_in_dutch(error)
    return f"{_who(standing)} is niet bereikbaar{f' ({why})' if why else ''}"


def _refusal(standing: DestinationStatus) -> tuple[str, str]:
    """Return with which status a receiver refuses, in English and in Dutch."""
    error = standing.circuit_error or (standing.failing.error if standing.failing else "")
    answered = _ANSWERED.search(error)
    if answered:
        return f": it answers {answered[1]}", f": het antwoordt {answered[1]}"
    return (f" ({error})" if error else ""), ""


def _plea(standing: DestinationStatus) -> str:
    return f" ({standing.slow_error})" if standing.slow_error else ""


def _who_holds(standing: DestinationStatus) -> tuple[str, str]:
    if standing.is_held_by_operator:
        return "An operator holds it", "Een beheerder houdt het tegen"
    if standing.state == "held":
        return "Its subscription is not active", "Het abonnement staat niet aan"
    return "Schools of it are held by an operator", "Een beheerder houdt scholen tegen"


def _held_in_english(standing: DestinationStatus, release: str = "") -> str:
    if standing.state == "held" and not standing.is_held_by_operator:
        do = "The supplier resumes it or subscribes again; nothing is lost meanwhile."
    else:
        do = release or f"`osr-hub release {standing.name} --reason …` lets them go."
    return f"{_who_holds(standing)[0]}; {_wait(standing.held)}. {do}"


def _held_in_dutch(standing: DestinationStatus) -> str:
    if standing.state == "held" and not standing.is_held_by_operator:
        do = "De leverancier hervat het of neemt een nieuw abonnement; er gaat intussen niets verloren."
    else:
        do = "Met 'Vrijgeven' gaan ze verder."
    return f"{_who_holds(standing)[1]}; {_berichten(standing.held)} in de wacht. {do}"


def _is_deaf(standing: DestinationStatus) -> bool:
    """Return whether only reports are late that the hub has not read."""
    late = [age for age in (standing.oldest_undelivered, standing.oldest_unplanned) if (age or 0) > LATE_SECONDS]
    return not late and standing.oldest_unread is not None


def _hub_in_english(standing: DestinationStatus) -> str:
    if not standing.forwarders:
        return f"No forwarder is at work, and {_wait(standing.waiting)}. Start `osr-consume forward`."
    if _is_deaf(standing):
        return (
            f"DUO wrote reports that the hub has not read for {age(standing.oldest_unread)}. "
            "See that `osr-consume reports` and DUO's Kafka are at work."
        )
    if standing.oldest_undelivered is None:
        return "Recorded changes are not planned yet. See that `osr-consume plan` and the database are at work."
    return (
        f"The hub is behind: {_wait(standing.waiting)}, the oldest for {age(standing.oldest_undelivered)}. "
        "If it does not shrink, start another `osr-consume forward`."
    )


def _hub_in_dutch(standing: DestinationStatus) -> str:
    if not standing.forwarders:
        return f"Er draait geen doorstuurder; {_berichten(standing.waiting)} in de wacht. Start `osr-consume forward`."
    if _is_deaf(standing):
        return (
            f"DUO schreef meldingen die de hub al {age(standing.oldest_unread, Language.DUTCH)} niet leest. "
            "Kijk of `osr-consume reports` en de Kafka van DUO draaien."
        )
    if standing.oldest_undelivered is None:
        return "Vastgelegde wijzigingen zijn nog niet ingepland. Kijk of `osr-consume plan` en de database draaien."
    oldest = age(standing.oldest_undelivered, Language.DUTCH)
    return (
        f"De hub loopt achter: {_berichten(standing.waiting)} in de wacht, het oudste al {oldest}. "
        "Wordt het niet minder, start dan nog een `osr-consume forward`."
    )


def _office(standing: DestinationStatus) -> tuple[str, str, str, str]:
    if standing.takes_webhooks:
        return "the system or its school", "Ask the supplier.", "het LAS of de school", "Vraag het de leverancier."
    return "DUO", "Ask DUO, securityservicedesk@duo.nl.", "DUO", "Vraag het DUO, securityservicedesk@duo.nl."


def _office_in_english(standing: DestinationStatus) -> str:
    who, ask, _, _ = _office(standing)
    is_old = (standing.oldest_unprocessed or 0) > HOURS_UNTIL
    do = ask if is_old else "Nothing to do yet; this takes as long as it takes there."
    count, oldest = _messages(standing.unprocessed), age(standing.oldest_unprocessed)
    return f"All was taken; on {count} {who} has not reported, on the oldest for {oldest}. {do}"


def _office_in_dutch(standing: DestinationStatus) -> str:
    _, _, who, ask = _office(standing)
    is_old = (standing.oldest_unprocessed or 0) > HOURS_UNTIL
    do = ask if is_old else "Nog niets aan te doen; dit duurt zolang het daar duurt."
    count, oldest = _berichten(standing.unprocessed), age(standing.oldest_unprocessed, Language.DUTCH)
    return f"Alles is afgeleverd; over {count} heeft {who} nog niets gemeld, over het oudste al {oldest}. {do}"


def _dead_in_english(standing: DestinationStatus, *, on_page: bool = False) -> str:
    if not standing.dead:
        return ""
    if on_page:
        return f"{_messages(standing.dead)} given up: send again to send the current state."
    where = f"`osr-hub deliveries --destination {standing.name} --status dead`"
    send = f"`osr-hub replay --destination {standing.name} --status dead --dry-run`"
    return f"{_messages(standing.dead)} given up: {where} says why, {send} what sending the current state comes to."


def _dead_in_dutch(standing: DestinationStatus) -> str:
    if not standing.dead:
        return ""
    return f"{_berichten(standing.dead)} niet aangekomen: herhaal om de huidige stand te sturen."


_ENGLISH: Final[Mapping[Cause, Callable[[DestinationStatus], str]]] = {
    Cause.NONE: lambda _: "Nothing is late.",
    Cause.NO_RECEIVER: lambda s: (
        f"{_wait(s.held)} because this system never subscribed. "
        "Ask the supplier to subscribe; it then gets the current state."
    ),
    Cause.HELD: _held_in_english,
    Cause.RECEIVER_DOWN: lambda s: (
        f"{_silence_in_english(s)}; {_wait(s.waiting + s.retrying)}, tried again by itself. Tell its operator."
    ),
    Cause.REFUSED: lambda s: (
        f"{_who(s)} refuses what it is sent{_refusal(s)[0]}; {_wait(s.waiting + s.retrying)}. "
        "Look at the agreement, the certificate and the signature with its operator."
    ),
    Cause.RECEIVER_SLOW: lambda s: (
        f"{_who(s)} takes messages slower than they come{_plea(s)}: {_wait(s.waiting + s.retrying)}, the oldest for "
        f"{age(s.oldest_undelivered)}. Tell its operator; other receivers are not delayed."
    ),
    Cause.HUB: _hub_in_english,
    Cause.BACK_OFFICE: _office_in_english,
}

_DUTCH: Final[Mapping[Cause, Callable[[DestinationStatus], str]]] = {
    Cause.NONE: lambda _: "Niets is te laat.",
    Cause.NO_RECEIVER: lambda s: (
        f"{_berichten(s.held)} in de wacht: dit systeem heeft nog nooit een abonnement genomen. "
        "Vraag de leverancier dat te doen; het krijgt dan de huidige stand."
    ),
    Cause.HELD: _held_in_dutch,
    Cause.RECEIVER_DOWN: lambda s: (
        f"{_silence_in_dutch(s)}; {_berichten(s.waiting + s.retrying)} in de wacht, die vanzelf opnieuw "
        "worden geprobeerd. Waarschuw de beheerder ervan."
    ),
    Cause.REFUSED: lambda s: (
        f"{_who(s)} weigert wat het krijgt{_refusal(s)[1]}; {_berichten(s.waiting + s.retrying)} in de wacht. "
        "Bekijk met de beheerder ervan de afspraken, het certificaat en de handtekening."
    ),
    Cause.RECEIVER_SLOW: lambda s: (
        f"{_who(s)} neemt berichten trager aan dan ze komen: {_berichten(s.waiting + s.retrying)} in de "
        f"wacht, het oudste al "
        f"{age(s.oldest_undelivered, Language.DUTCH)}. Waarschuw de beheerder ervan; anderen hebben er geen last van."
    ),
    Cause.HUB: _hub_in_dutch,
    Cause.BACK_OFFICE: _office_in_dutch,
}
