"""The sentences of a school's history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "who_hub": ("de hub", "the hub"),
    "who_import": ("een bestand van de beheerder van de hub", "a file of an operator of the hub"),
    "who_operator": ("een beheerder van de hub", "an operator of the hub"),
    "who_erased": ("iemand wiens naam niet meer wordt bewaard", "somebody whose name is kept no longer"),
    "who_somebody": (
        "iemand van wie de hub alleen de inlogcode kent",
        "somebody whom the hub knows by a login code only",
    ),
    "did_mandate_granted": (
        "{who} gaf {system} een mandaat voor {service}, {period}.",
        "{who} gave {system} a mandate for {service}, {period}.",
    ),
    "did_mandate_amended": (
        "{who} wijzigde het mandaat van {system} voor {service}: {changes}.",
        "{who} changed the mandate of {system} for {service}: {changes}.",
    ),
    "did_mandate_withdrawn": (
        "{who} trok het mandaat van {system} voor {service} in.",
        "{who} withdrew the mandate of {system} for {service}.",
    ),
    "did_mandate_copied": (
        "{who} gaf {system} een mandaat voor {service}, {period}, door dat van een andere school te kopiëren.",
        "{who} gave {system} a mandate for {service}, {period}, by copying that of another school.",
    ),
    "did_mandate_started": (
        "het mandaat van {system} voor {service} is ingegaan.",
        "the mandate of {system} for {service} has started.",
    ),
    "did_mandate_expired": (
        "het mandaat van {system} voor {service} is afgelopen.",
        "the mandate of {system} for {service} has ended.",
    ),
    "did_routing_assigned": (
        "{who} gaf vestiging {branch} het routeringskenmerk {routing} bij {system}, voor {service}.",
        "{who} gave branch {branch} the routing characteristic {routing} with {system}, for {service}.",
    ),
    "did_routing_removed": (
        "{who} haalde het routeringskenmerk {routing} van vestiging {branch} weg bij {system}, voor {service}.",
        "{who} removed the routing characteristic {routing} of branch {branch} with {system}, for {service}.",
    ),
    "did_mandates_imported": (
        "{who} wijzigde mandaten van deze school: {n}.",
        "{who} changed mandates of this school: {n}.",
    ),
    "did_school_imported": (
        "{who} wijzigde gegevens van deze school.",
        "{who} changed what is known of this school.",
    ),
    "did_destination_held": (
        "{who} hield de berichten over deze school aan {where} tegen.",
        "{who} held the messages about this school to {where}.",
    ),
    "did_destination_released": (
        "{who} gaf de berichten over deze school aan {where} weer vrij.",
        "{who} released the messages about this school to {where}.",
    ),
    "did_delivery_cancelled": (
        "{who} annuleerde een bericht over deze school.",
        "{who} cancelled a message about this school.",
    ),
    "did_deliveries_cancelled": (
        "{who} annuleerde berichten over deze school: {n}.",
        "{who} cancelled messages about this school: {n}.",
    ),
    "did_replay_asked": (
        "{who} vroeg om de stand van deze school opnieuw te sturen.",
        "{who} asked to send the state of this school again.",
    ),
    "did_replay_approved": (
        "{who} keurde goed dat de stand van deze school opnieuw wordt gestuurd.",
        "{who} approved that the state of this school is sent again.",
    ),
    "did_replay_done": ("de stand van deze school is opnieuw gestuurd.", "the state of this school was sent again."),
    "did_replay_cancelled": (
        "{who} stopte het opnieuw sturen van de stand van deze school.",
        "{who} stopped sending the state of this school again.",
    ),
    "did_cancellation_asked": (
        "{who} vroeg om berichten over deze school te annuleren.",
        "{who} asked to cancel messages about this school.",
    ),
    "did_cancellation_approved": (
        "{who} keurde goed dat berichten over deze school worden geannuleerd.",
        "{who} approved that messages about this school are cancelled.",
    ),
    "did_cancellation_done": ("de berichten zijn geannuleerd.", "the messages were cancelled."),
    "did_cancellation_cancelled": (
        "{who} stopte het annuleren van berichten over deze school.",
        "{who} stopped cancelling messages about this school.",
    ),
    "did_change": ("{what} van {before} naar {after}", "{what} from {before} to {after}"),
    "did_none": ("geen", "none"),
    "history_reason": ("Reden: {reason}", "Reason: {reason}"),
}
