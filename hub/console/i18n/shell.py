"""What all pages say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "hub": ("OSR-hub", "OSR hub"),
    "skip": ("Naar de inhoud", "Skip to content"),
    "main_menu": ("Hoofdmenu", "Main menu"),
    "path": ("U bent hier", "You are here"),
    "other_language": ("English", "Nederlands"),
    "log_out": ("Uitloggen", "Log out"),
    "log_in": ("Inloggen", "Log in"),
    "token": ("Toegangsbewijs (token)", "Token"),
    "token_hint": (
        "U krijgt het van de beheerder van de hub. Te maken met: osr-hub token --role OSR-toegang --brin 18DS",
        "You get it from the operator of the hub. Made by: osr-hub token --role OSR-toegang --brin 18DS",
    ),
    "token_wrong": (
        "Dit toegangsbewijs klopt niet of is verlopen. Vraag een nieuw toegangsbewijs.",
        "This token is wrong or has expired. Ask for a new one.",
    ),
    "no_access": ("Deze pagina is niet voor u.", "This page is not for you."),
    "not_there": (
        "Deze pagina is er niet, of u mag hem niet zien.",
        "This page does not exist, or you may not see it.",
    ),
    "strange_form": (
        (
            "Dit formulier kwam niet van deze website, of u bent intussen opnieuw ingelogd. Er is niets gewijzigd. "
            "Open de pagina opnieuw en probeer het nog eens."
        ),
        (
            "This form did not come from this website, or you logged in again meanwhile. Nothing was changed. "
            "Open the page again and try once more."
        ),
    ),
    "stale": (
        "Iemand anders heeft dit intussen gewijzigd. Er is niets opgeslagen.",
        "Somebody else changed this in the meantime. Nothing was saved.",
    ),
    "failed": ("Dat lukte niet", "That did not work"),
    "error_prefix": ("Fout: ", "Error: "),
    "errors_title": ("Er klopt iets niet", "Something is not right"),
    "back": ("Terug", "Back"),
    "cancel": ("Annuleren", "Cancel"),
    "save": ("Opslaan", "Save"),
    "optional": ("(mag leeg blijven)", "(optional)"),
    "reason": ("Reden", "Reason"),
    "reason_missing": ("Vul een reden in.", "Give a reason."),
    "reason_long": ("Houd de reden korter dan 1.000 tekens.", "Keep the reason under 1,000 characters."),
    "nul_character": (
        "In het veld {field} staat een teken dat niet kan. Haal het weg en probeer het opnieuw.",
        "The field {field} holds a character that cannot be stored. Remove it and try again.",
    ),
    "day_out_of_range": ("Kies een dag van {first} t/m {last}.", "Choose a day from {first} to {last}."),
    "as_of": ("Stand van", "As of"),
    "search": ("Zoeken", "Search"),
    "next_page": ("Volgende", "Next"),
    "status": ("Stand", "Status"),
    "since": ("Sinds", "Since"),
    "until": ("t/m", "until"),
    "from": ("vanaf", "from"),
    "service": ("Dienst", "Service"),
    "too_often": (
        "Er is te vaak achter elkaar iets gevraagd. Er is niets gewijzigd. Probeer het over {seconds} s opnieuw.",
        "Too many requests. Nothing was changed. Try again in {seconds} s.",
    ),
    "unavailable": (
        "De hub is er even niet. Probeer het over een minuut opnieuw.",
        "The hub is unavailable. Try again in a minute.",
    ),
}
