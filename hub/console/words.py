"""What pages say, in two languages. In: a key or a code. Out: words."""

from __future__ import annotations

from typing import Final

from hub.domain.says import Language

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "operations": ("Doorgifte van mandaten", "Delivery of mandates"),
    "school": ("Mandaten van uw school", "Your school's mandates"),
    "as_of": ("Stand van", "As of"),
    "other_language": ("English", "Nederlands"),
    "log_out": ("Uitloggen", "Log out"),
    "log_in": ("Inloggen", "Log in"),
    "token": ("Toegangsbewijs (token)", "Token"),
    "token_hint": ("Te maken met: osr-hub token --role operations", "Made by: osr-hub token --role operations"),
    "token_wrong": ("Dit toegangsbewijs wordt niet geloofd.", "This token is not believed."),
    "no_access": ("Deze pagina is niet voor u.", "This page is not for you."),
    "unpublished": ("nog niet gepubliceerd", "not published yet"),
    "unplanned": ("nog niet ingepland", "not planned yet"),
    "parked": ("apart gelegd", "put aside"),
    "at_work": ("processen aan het werk", "processes at work"),
    "destination": ("Bestemming", "Destination"),
    "waiting": ("In de wacht", "Waiting"),
    "held": ("Tegengehouden", "Held"),
    "retrying": ("Opnieuw", "Retrying"),
    "unprocessed": ("Niet verwerkt", "Unprocessed"),
    "dead": ("Opgegeven", "Given up"),
    "undelivered_for": ("Oudste niet afgeleverd", "Oldest undelivered"),
    "unprocessed_for": ("Oudste niet verwerkt", "Oldest unprocessed"),
    "transport": ("Vervoer p50 / p99", "Transport p50 / p99"),
    "processing": ("Verwerking p50 / p99", "Processing p50 / p99"),
    "press": ("Ingrijpen", "Press"),
    "only_school": ("Alleen school (BRIN), leeg is alles", "Only school (BRIN), empty is all"),
    "reason": ("Reden", "Reason"),
    "hold": ("Tegenhouden", "Hold"),
    "release": ("Vrijgeven", "Release"),
    "retry": ("Opnieuw proberen", "Retry"),
    "discard": ("Weggooien", "Discard"),
    "parked_records": ("Apart gelegde berichten", "Records put aside"),
    "choose_school": ("Kies een school", "Choose a school"),
    "show": ("Tonen", "Show"),
    "branch": ("Vestiging", "Branch"),
    "service": ("Dienst", "Service"),
    "system": ("Systeem", "System"),
    "routing": ("Routeringskenmerk", "Routing characteristic"),
    "status": ("Stand", "Status"),
    "since": ("Sinds", "Since"),
    "duration": ("Duur: vervoer / verwerking", "Took: transport / processing"),
    "remarks": ("Opmerkingen", "Remarks"),
    "nothing": ("Er zijn nog geen mandaten.", "There are no mandates yet."),
    "needs_routing": ("routeringskenmerk nodig", "routing characteristic needed"),
    "not_planned": ("wordt ingepland", "being planned"),
    "failed": ("Dat lukte niet", "That did not work"),
    "back": ("Terug", "Back"),
}
_STATUSES: Final[dict[str, tuple[str, str]]] = {
    "waiting": ("in de wacht", "waiting"),
    "held": ("tegengehouden", "held"),
    "retrying": ("wordt opnieuw geprobeerd", "being retried"),
    "delivered": ("afgeleverd, nog niet verwerkt", "delivered, not processed yet"),
    "in_progress": ("in behandeling", "in progress"),
    "processed": ("verwerkt", "processed"),
    "processed_with_signal": ("verwerkt, met een signaal", "processed, with a signal"),
    "activated": ("actief", "activated"),
    "rejected": ("afgewezen", "rejected"),
    "declined": ("geweigerd", "declined"),
    "superseded": ("vervangen door een nieuwer bericht", "replaced by a newer message"),
    "dead": ("opgegeven", "given up"),
    "cancelled": ("geannuleerd", "cancelled"),
}
_CAUSES: Final[dict[str, tuple[str, str]]] = {
    "none": ("op tijd", "on time"),
    "hub": ("de hub", "the hub"),
    "held": ("tegengehouden", "held"),
    "receiver_down": ("ontvanger weg", "receiver down"),
    "receiver_slow": ("ontvanger traag", "receiver slow"),
    "refused": ("geweigerd", "refused"),
    "back_office": ("wacht op verwerking", "awaits processing"),
    "no_receiver": ("geen abonnement", "no subscription"),
}
GOOD: Final = frozenset({"processed", "activated", "none"})
BAD: Final = frozenset({"rejected", "declined", "dead", "receiver_down", "refused", "hub"})


class Words:
    """The words of one language; a template calls them by name."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._nth = 0 if language is Language.DUTCH else 1

    def __call__(self, key: str) -> str:
        """Say a fixed text of a page."""
        return _WORDS[key][self._nth]

    def status(self, status: str) -> str:
        """Say a status."""
        return _STATUSES[status][self._nth]

    def cause(self, cause: str) -> str:
        """Say whose turn it is."""
        return _CAUSES[cause][self._nth]


def tone(code: str) -> str:
    """Say how a status or a cause is coloured."""
    if code in GOOD:
        return "good"
    return "bad" if code in BAD else "busy"
