"""Words for what programs write: statuses, causes, states, errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Both = tuple[str, str]

STATUSES: Final[Mapping[str, Both]] = {
    "waiting": ("onderweg", "on its way"),
    "held": ("tegengehouden", "held"),
    "retrying": ("wordt opnieuw geprobeerd", "being retried"),
    "delivered": ("aangekomen, nog niet verwerkt", "delivered, not processed yet"),
    "in_progress": ("in behandeling", "in progress"),
    "processed": ("verwerkt", "processed"),
    "processed_with_signal": ("verwerkt, met een melding", "processed, with a signal"),
    "activated": ("actief", "activated"),
    "rejected": ("afgewezen", "rejected"),
    "declined": ("geweigerd", "declined"),
    "superseded": ("vervangen door een nieuwer bericht", "replaced by a newer message"),
    "dead": ("niet aangekomen", "given up"),
    "cancelled": ("geannuleerd", "cancelled"),
    "not_planned": ("wordt klaargezet", "being prepared"),
    "needs_routing": ("routeringskenmerk nodig", "routing characteristic needed"),
    "step": ("nog een stap te zetten", "a step to take"),
}
STATES: Final[Mapping[str, Both]] = {
    "future": ("gaat nog in", "starts later"),
    "active": ("geldig", "active"),
    "ended": ("afgelopen", "ended"),
    "withdrawn": ("ingetrokken", "withdrawn"),
}
CAUSES: Final[Mapping[str, Both]] = {
    "none": ("op tijd", "on time"),
    "hub": ("de hub is aan zet", "the hub has to act"),
    "held": ("tegengehouden", "held"),
    "receiver_down": ("ontvanger weg", "receiver down"),
    "receiver_slow": ("ontvanger traag", "receiver slow"),
    "refused": ("ontvanger weigert", "receiver refuses"),
    "back_office": ("wacht op verwerking", "awaits processing"),
    "no_receiver": ("geen abonnement", "no subscription"),
}
CIRCUITS: Final[Mapping[str, Both]] = {
    "closed": ("gesloten: er wordt gewoon verzonden", "closed: it is sent to as usual"),
    "open": ("open: er wordt niets verzonden", "open: nothing is sent"),
    "half_open": ("half open: er wordt weer één bericht geprobeerd", "half open: one message is tried again"),
}
PARKED: Final[Mapping[str, Both]] = {
    "unparsable": ("niet te lezen", "not readable"),
    "schema": ("niet volgens het schema", "not according to the schema"),
    "unknown_school": ("onbekende school", "unknown school"),
    "unknown_delivery": ("onbekende levering", "unknown delivery"),
    "future": ("gedateerd in de toekomst", "dated in the future"),
}
PARKED_STATES: Final[Mapping[str, Both]] = {
    "open": ("open", "open"),
    "retried": ("alsnog gebruikt", "used after all"),
    "discarded": ("weggegooid", "discarded"),
}
COPY_REASONS: Final[Mapping[str, Both]] = {
    "other_system": (
        "deze school gebruikt voor deze dienst een ander systeem",
        "this school uses another system for this service",
    ),
    "overlap": (
        "deze school heeft al een mandaat voor dit systeem in deze periode",
        "this school already has a mandate for this system in this period",
    ),
    "no_agreement": (
        "het bestuur heeft de overeenkomst voor deze dienst niet getekend",
        "the board has not signed the agreement for this service",
    ),
    "school_closed": ("deze school is gesloten", "this school is closed"),
    "unknown_school": ("deze school staat niet op uw naam", "this school is not yours"),
}
CHANGES: Final[Mapping[str, Both]] = {
    "granted": ("mandaat gegeven", "mandate given"),
    "startDate": ("begindatum gewijzigd", "start date changed"),
    "endDate": ("einddatum gewijzigd", "end date changed"),
    "routing": ("routeringskenmerk gewijzigd", "routing characteristic changed"),
    "branches": ("andere vestigingen", "other branches"),
    "board": ("ander bestuur", "other board"),
    "withdrawn": ("ingetrokken", "withdrawn"),
    "started": ("ingegaan", "started"),
    "expired": ("afgelopen", "ended"),
}
ACTIONS: Final[Mapping[str, Both]] = {
    "mandate.granted": ("mandaat gegeven", "mandate given"),
    "mandate.amended": ("datums gewijzigd", "dates changed"),
    "mandate.withdrawn": ("mandaat ingetrokken", "mandate withdrawn"),
    "mandate.copied": ("mandaat gekopieerd", "mandate copied"),
    "mandate.started": ("mandaat ingegaan", "mandate started"),
    "mandate.expired": ("mandaat afgelopen", "mandate ended"),
    "routing.assigned": ("routeringskenmerk gegeven", "routing characteristic assigned"),
    "routing.removed": ("routeringskenmerk weggehaald", "routing characteristic removed"),
    "replay.asked": ("herhaling gevraagd", "replay asked for"),
    "replay.approved": ("herhaling goedgekeurd", "replay approved"),
    "replay.cancelled": ("herhaling gestopt", "replay stopped"),
    "cancellation.asked": ("annulering gevraagd", "cancellation asked for"),
    "cancellation.approved": ("annulering goedgekeurd", "cancellation approved"),
    "replay.done": ("herhaling klaar", "replay done"),
    "cancellation.cancelled": ("annulering gestopt", "cancellation stopped"),
    "cancellation.done": ("annulering klaar", "cancellation done"),
    "destination.held": ("berichten tegengehouden", "messages held"),
    "destination.released": ("berichten vrijgegeven", "messages released"),
    "delivery.cancelled": ("bericht geannuleerd", "message cancelled"),
    "deliveries.cancelled": ("berichten geannuleerd", "messages cancelled"),
    "destination.objective_changed": ("afspraak gewijzigd", "objective changed"),
    "parked.retried": ("apart gelegd bericht alsnog gebruikt", "parked record retried"),
    "parked.discarded": ("apart gelegd bericht weggegooid", "parked record discarded"),
    "system.registered": ("administratiesysteem geregistreerd", "system registered"),
    "system.changed": ("administratiesysteem gewijzigd", "system changed"),
    "service.added": ("dienst toegevoegd", "service added"),
    "service.changed": ("dienst gewijzigd", "service changed"),
    "school.imported": ("school ingelezen", "school imported"),
    "mandates.imported": ("mandaten ingelezen", "mandates imported"),
    "file.imported": ("bestand ingelezen", "file imported"),
    "subscription.created": ("abonnement genomen", "subscription created"),
    "subscription.changed": ("abonnement gewijzigd", "subscription changed"),
    "subscription.deleted": ("abonnement opgezegd", "subscription deleted"),
    "subscription.disabled": ("abonnement uitgezet", "subscription disabled"),
    "subscription.paused": ("abonnement gepauzeerd", "subscription paused"),
    "subscription.resumed": ("abonnement hervat", "subscription resumed"),
    "subscription.tested": ("abonnement getest", "subscription tested"),
    "key.created": ("sleutel gemaakt", "key created"),
    "key.rotated": ("sleutel vervangen", "key rotated"),
    "secrets.resealed": ("geheimen opnieuw versleuteld", "secrets sealed again"),
    "person.erased": ("persoon gewist", "person erased"),
    "retention.applied": ("oude gegevens verwijderd", "old data deleted"),
    "hub.recovered": ("hub hersteld", "hub recovered"),
    "audit.anchored": ("logboek verankerd", "audit anchored"),
    "board.signed": ("overeenkomst getekend", "agreement signed"),
    "board.renamed": ("bestuur hernoemd", "board renamed"),
    "board.agreement_ended": ("overeenkomst beëindigd", "agreement ended"),
}
ACT_STATES: Final[Mapping[str, Both]] = {
    "awaiting_approval": ("wacht op goedkeuring", "awaits approval"),
    "running": ("bezig", "running"),
    "done": ("klaar", "done"),
    "cancelled": ("gestopt", "stopped"),
}
FACTS: Final[Mapping[str, Both]] = {
    "startDate": ("begindatum", "start date"),
    "endDate": ("einddatum", "end date"),
    "bgeCode": ("bestuur", "board"),
    "closedOn": ("gesloten per", "closed on"),
    "routing": ("routeringskenmerken", "routing characteristics"),
    "withdrawnAt": ("ingetrokken", "withdrawn"),
    "state": ("stand", "state"),
    "status": ("status", "status"),
    "held": ("tegengehouden", "held"),
    "done": ("gedaan", "done"),
    "skipped": ("overgeslagen", "skipped"),
    "deliveries": ("berichten", "messages"),
    "share": ("aandeel", "share"),
    "transportSeconds": ("seconden tot aflevering", "seconds until delivery"),
    "processingSeconds": ("seconden tot verwerking", "seconds until processing"),
    "heldBrins": ("tegengehouden scholen", "held schools"),
    "releasedBrins": ("toch vrijgegeven scholen", "released schools"),
    "systemName": ("naam", "name"),
    "serviceCodes": ("diensten", "services"),
    "contact": ("contact", "contact"),
    "name": ("naam", "name"),
    "email": ("e-mail", "email"),
    "phone": ("telefoon", "phone"),
    "url": ("adres", "address"),
    "noticeUrl": ("adres voor meldingen", "address for notices"),
    "services": ("diensten", "services"),
    "types": ("soorten berichten", "kinds of messages"),
    "processingResults": ("uitslagen van DUO", "results of DUO"),
    "reports": ("meldt terug", "reports back"),
    "requestedRatePerMinute": ("gevraagd per minuut", "requested a minute"),
    "allowedRatePerMinute": ("toegestaan per minuut", "allowed a minute"),
    "retrySchedule": ("schema van pogingen", "retry schedule"),
    "signatures": ("handtekeningen", "signatures"),
    "hasClientCertificate": ("eigen certificaat", "client certificate"),
    "created": ("nieuw", "new"),
    "changed": ("gewijzigd", "changed"),
    "unchanged": ("gelijk gebleven", "unchanged"),
    "events": ("wijzigingen", "events"),
    "mandates": ("mandaten", "mandates"),
}
ERRORS: Final[Mapping[tuple[str, str], Both]] = {
    ("", "day"): (
        "Schrijf de datum als dag-maand-jaar, bijvoorbeeld 01-08-2027.",
        "Write the date as day-month-year, for example 01-08-2027.",
    ),
    ("", "unknown_service"): ("Kies een dienst.", "Choose a service."),
    ("", "unknown_system"): ("Kies een administratiesysteem.", "Choose an administration system."),
    ("", "service_not_offered"): (
        "Dit systeem doet niet mee aan deze dienst. Kies een ander.",
        "This system does not offer this service. Choose another one.",
    ),
    ("/startDate", "in_the_past"): (
        "De begindatum ligt in het verleden. Kies vandaag of later.",
        "The start date lies in the past. Choose today or later.",
    ),
    ("/endDate", "in_the_past"): (
        "De einddatum ligt in het verleden. Kies vandaag of later, of laat hem leeg.",
        "The end date lies in the past. Choose today or later, or leave it out.",
    ),
    ("", "before_start"): (
        "De einddatum ligt vóór de begindatum.",
        "The end date lies before the start date.",
    ),
    ("", "too_late"): ("Deze datum ligt te ver weg.", "This date is too far away."),
    ("", "immutable"): (
        "Het mandaat is al ingegaan; de begindatum kan niet meer veranderen.",
        "The mandate has started already; its start date cannot change any more.",
    ),
    ("", "overlap"): (
        "Er is al een mandaat voor deze school, deze dienst en dit systeem in deze periode.",
        "There is a mandate for this school, this service and this system in this period already.",
    ),
    ("", "ended"): (
        "Dit mandaat is ingetrokken of afgelopen; het kan niet meer veranderen.",
        "This mandate was withdrawn or has ended; it cannot change any more.",
    ),
    ("", "no_agreement"): (
        "Het bestuur heeft de overeenkomst voor deze dienst nog niet getekend. Vraag het support@kennisnet.nl.",
        "The board has not signed the agreement for this service yet. Ask support@kennisnet.nl.",
    ),
    ("", "school_closed"): ("Deze school is gesloten.", "This school is closed."),
    ("", "branch_closed"): ("Deze vestiging is gesloten.", "This branch is closed."),
    ("", "unknown_branch"): ("Deze vestiging hoort niet bij de school.", "This branch is not one of the school."),
    ("", "invalid"): (
        "Een routeringskenmerk is 00000007000, de vier tekens van de school, en vijf cijfers.",
        "A routing characteristic is 00000007000, the four characters of the school, and five digits.",
    ),
    ("", "other_school"): (
        "Dit routeringskenmerk hoort bij een andere school.",
        "This routing characteristic belongs to another school.",
    ),
    ("", "taken"): (
        "Dit routeringskenmerk is voor deze dienst al in gebruik bij een andere vestiging.",
        "This routing characteristic is in use for this service by another branch already.",
    ),
    ("", "none_left"): (
        "Deze school heeft geen vrije routeringskenmerken meer.",
        "This school has no free routing characteristics left.",
    ),
    ("", "still_unusable"): (
        "Dit bericht kan nog steeds niet worden gebruikt. Probeer het later, of gooi het weg.",
        "This record still cannot be used. Try later, or discard it.",
    ),
    ("", "unknown_delivery"): (
        "De levering hiervan is nog niet bekend. Het bericht wordt vanzelf gebruikt zodra de levering er is.",
        "The delivery that it names is still unknown. The record is applied automatically once it is known.",
    ),
    ("", "bytes_gone"): (
        "De inhoud van dit bericht wordt niet meer bewaard. Gooi het weg.",
        "The bytes of this record are not kept any more. Discard it.",
    ),
    ("", "own_request"): (
        "U hebt dit zelf gevraagd. Een andere beheerder moet het goedkeuren.",
        "You asked for this yourself. Another operator has to approve it.",
    ),
    ("", "needs_approval"): (
        "U hebt hiervan in 24 uur zo veel gedaan als één beheerder alleen mag. Laat een andere beheerder het doen.",
        "You did as many of these in 24 hours as one operator may do alone. Let another operator do it.",
    ),
    ("", "nothing_chosen"): (
        "Kies welke berichten u bedoelt: vul ten minste één veld in.",
        "Choose messages: fill in at least one field.",
    ),
    ("", "unknown_destination"): ("Deze bestemming is er niet.", "There is no such destination."),
    ("", "before_from"): ("De periode eindigt voordat ze begint.", "The period ends before it begins."),
    ("", "final"): ("Hierover is al beslist.", "This was decided already."),
}
