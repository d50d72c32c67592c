"""What all pages say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "hub": ("OSR-hub", "OSR hub"),
    "skip": ("Naar de inhoud", "Skip to content"),
    "main_menu": ("Hoofdmenu", "Main menu"),
    "your_login": ("Uw login", "Your login"),
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
    "board_number": ("bestuur {number}", "board {number}"),
    "user": ("Ingelogd", "Logged in"),
    "login_how": (
        "U logt in met het account waarmee uw organisatie ook bij Mijn DUO inlogt (eHerkenning).",
        "You log in with the account by which your organisation logs in at Mijn DUO (eHerkenning).",
    ),
    "login_start": ("Naar het inloggen", "Go to the login"),
    "login_help": (
        "Lukt inloggen niet? Vraag het DUO:",
        "Cannot log in? Ask DUO:",
    ),
    "login_not_set_up": (
        "Inloggen is hier nog niet ingericht. De beheerder van de hub vult OSR_HUB_LOGIN__CLIENT_ID in.",
        "Login is not set up here yet. The operator of the hub sets OSR_HUB_LOGIN__CLIENT_ID.",
    ),
    "login_by_token": ("Voor ontwikkelaars: inloggen met een token", "For developers: log in by a token"),
    "login_failed": ("Inloggen is niet gelukt", "The login failed"),
    "login_failed_says": (
        "U bent niet ingelogd. Het inloggen is afgebroken, duurde te lang of begon in een andere browser.",
        "You are not logged in. The login was cancelled, took too long or began in another browser.",
    ),
    "login_again": ("Opnieuw inloggen", "Log in again"),
    "login_other": ("Inloggen als iemand anders", "Log in as somebody else"),
    "no_role": ("U hebt nog geen toegang", "You have no access yet"),
    "no_role_says": (
        "U bent ingelogd, maar u hebt de rol OSR-toegang niet, of niet voor een school of bestuur.",
        "You logged in, but you do not have the role OSR-toegang, or not for a school or board.",
    ),
    "no_role_name": (
        "{name}, u bent ingelogd, maar u hebt de rol OSR-toegang niet, of niet voor een school of bestuur.",
        "{name}, you logged in, but you do not have the role OSR-toegang, or not for a school or board.",
    ),
    "no_role_what": ("Zo krijgt u toegang", "How to get access"),
    "no_role_ask": (
        "Vraag de beheerder Mijn DUO van uw organisatie om de rol OSR-toegang, voor uw school of voor het bestuur.",
        "Ask your organisation's beheerder Mijn DUO for the role OSR-toegang, for your school or for the board.",
    ),
    "no_role_then": ("Log daarna opnieuw in.", "Then log in again."),
    "no_role_duo": (
        "Weet u niet wie dat is, of lukt het niet? Vraag het DUO:",
        "You do not know who that is, or it does not work? Ask DUO:",
    ),
    "duo_hours": ("9.00-13.00 uur", "9.00-13.00"),
    "log_out_here": ("Hier uitloggen", "Log out here"),
    "log_out_everywhere": ("Overal uitloggen", "Log out everywhere"),
    "logged_out": ("U bent uitgelogd", "You are logged out"),
    "logged_out_says": (
        "Sluit ook de browser, als anderen deze computer gebruiken.",
        "Close the browser too, if others use this computer.",
    ),
    "ending": ("U wordt over enkele minuten uitgelogd.", "You will be logged out in a few minutes."),
    "keep_session": ("Ingelogd blijven", "Stay logged in"),
    "outlived": ("Nog niet verstuurd", "Not sent yet"),
    "outlived_login": (
        "Uw sessie was voorbij. Deze pagina bewaart wat u invulde. Log in een nieuw tabblad in, en ga dan hier verder.",
        "Your session was over. This page keeps what you filled in. Log in in a new tab, then go on here.",
    ),
    "outlived_open": ("Inloggen (nieuw tabblad)", "Log in (new tab)"),
    "outlived_send": (
        "U bent intussen opnieuw ingelogd. Er is nog niets gewijzigd. Verstuur opnieuw wat u invulde.",
        "You logged in again meanwhile. Nothing was changed yet. Send again what you filled in.",
    ),
    "outlived_button": ("Opnieuw versturen", "Send again"),
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
    "day_out_of_range": ("Kies een dag van {first} t/m {last}.", "Choose a day from {first} through {last}."),
    "as_of": ("Stand van", "As of"),
    "search": ("Zoeken", "Search"),
    "next_page": ("Volgende", "Next"),
    "status": ("Stand", "Status"),
    "since": ("Sinds", "Since"),
    "until": ("t/m", "through"),
    "from": ("vanaf", "from"),
    "service": ("Dienst", "Service"),
    "too_often": (
        "Er is te vaak achter elkaar iets gevraagd. Er is niets gewijzigd. Probeer het over {seconds} s opnieuw.",
        "Too many requests. Nothing was changed. Try again in {seconds} s.",
    ),
    "hub_failed": (
        "Er ging bij ons iets mis. Kijk op de pagina na of uw wijziging er staat, en probeer het anders opnieuw.",
        "Something went wrong on our side. See on the page whether your change is there, and try again if not.",
    ),
    "too_large": (
        "Dit formulier is te groot. Er is niets gewijzigd. Verstuur minder tegelijk.",
        "This form is too large. Nothing was changed. Send less at once.",
    ),
    "too_many_changes": (
        "De mandaten van deze school zijn dit uur te vaak gewijzigd. Er is niets gewijzigd. Wacht {seconds} s.",
        "The mandates of this school changed too often this hour. Nothing was changed. Go on in {seconds} s.",
    ),
    "unavailable": (
        "De hub is er even niet. Probeer het over een minuut opnieuw.",
        "The hub is unavailable. Try again in a minute.",
    ),
}
