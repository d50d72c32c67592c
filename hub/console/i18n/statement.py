"""What the page of a month's statement says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "statement": ("Maandoverzicht", "Statement of"),
    "statement_link": ("Maandoverzicht", "Monthly statement"),
    "statement_lead": (
        "Wat iedere partij moest doen voor de wijzigingen van deze maand, en hoe lang dat duurde.",
        "What each party had to do for the changes of this month, and how long that took.",
    ),
    "statement_month": ("Maand", "Month"),
    "statement_show": ("Bekijken", "Show"),
    "statement_not_over": ("de maand is nog niet om", "the month is not over"),
    "statement_making": (
        "Het overzicht van deze maand wordt opgemaakt. Dat gaat door, ook als u deze pagina sluit.",
        "The statement of this month is being made. That goes on, also when you close this page.",
    ),
    "statement_sums": (
        "{messages} berichten, waarvan {repeats} herhaald en {cancelled} geannuleerd.",
        "{messages} messages, of which {repeats} were repeats and {cancelled} were cancelled.",
    ),
    "party_hub": ("De hub", "The hub"),
    "party_receiver": ("Ontvanger", "Receiver"),
    "party_back_office": ("Verwerking", "Processing"),
    "party_schools": ("Scholen", "Schools"),
    "owes_hub": (
        "Moet ieder bericht aanbieden. De tijd dat een beheerder een bestemming tegenhield, telt niet mee.",
        "Has to offer each message. The time that an operator held a destination does not count.",
    ),
    "owes_receiver": (
        "Moet aannemen wat wordt aangeboden. De tijd telt vanaf de eerste poging die mislukte.",
        "Has to take what is offered. The time counts from the first attempt that failed.",
    ),
    "owes_back_office": (
        "Moet melden wat er met het bericht is gedaan.",
        "Has to report what was done with the message.",
    ),
    "owes_schools": (
        "Moeten hun stap zetten in hun LAS, als dat erom vraagt.",
        "Have to take their step in their system, where it asks for one.",
    ),
    "statement_owed": ("Te doen", "Owed"),
    "statement_done": ("Gedaan", "Done"),
    "statement_open": ("Nog open", "Still open"),
    "statement_waits": ("Wacht in de hub, of op een nieuwe poging", "Waits in the hub, or to be tried again"),
    "months": (
        "januari februari maart april mei juni juli augustus september oktober november december",
        "January February March April May June July August September October November December",
    ),
    "statement_in_time": ("Op tijd (binnen {objective})", "In time (within {objective})"),
    "statement_promised": ("afgesproken", "promised"),
    "statement_failed_attempts": ("Mislukte pogingen", "Failed attempts"),
    "statement_refused_attempts": ("Geweigerde pogingen", "Refused attempts"),
    "statement_given_up": ("Niet aangekomen", "Given up"),
    "statement_rejected": ("Afgewezen", "Rejected"),
    "statement_with_signal": ("Met signaal verwerkt", "Processed with a signal"),
    "statement_unavailable_seconds": ("Onbereikbaar", "Unavailable"),
    "statement_circuit_open_seconds": ("Circuit open", "Circuit open"),
    "statement_held_seconds": ("Tegengehouden", "Held"),
    "statement_programs": ("Voor programma's:", "For programs:"),
}
