"""What the pages say about a message: where it is, since when, what a school can do, whom it can ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "msg_waiting": (
        "Het bericht aan {who} is onderweg. U hoeft niets te doen.",
        "The message to {who} is on its way. You need not do anything.",
    ),
    "msg_not_planned": (
        "Het bericht aan {who} wordt klaargezet. U hoeft niets te doen.",
        "The message to {who} is being prepared. You need not do anything.",
    ),
    "msg_held": (
        "De beheerder van de hub houdt het bericht aan {who} tegen, al {age}. Het gaat daarna vanzelf verder.",
        "An operator of the hub holds the message to {who}, for {age} now. It goes on by itself afterwards.",
    ),
    "msg_no_receiver": (
        "{system} ontvangt nog geen berichten van de hub. Het bericht wacht, al {age}. Vraag wanneer dat komt.",
        "{system} does not receive messages of the hub yet. The message waits, for {age} now. Ask when it will.",
    ),
    "msg_not_receiving": (
        "{system} ontvangt nu geen berichten. Het bericht wacht, al {age}, en gaat daarna vanzelf verder.",
        "{system} receives no messages now. The message waits, for {age} now, and goes on by itself afterwards.",
    ),
    "msg_retrying": (
        "{who} antwoordt niet, al {age}. De hub blijft het proberen; u hoeft niets te doen.",
        "{who} does not answer, for {age} now. The hub keeps trying; you need not do anything.",
    ),
    "msg_delivered": ("Wacht op verwerking door DUO, al {age}.", "Waits to be processed by DUO, for {age} now."),
    "msg_in_progress": ("DUO is ermee bezig, al {age}.", "DUO is working on it, for {age} now."),
    "msg_delivered_las": (
        "{system} heeft het bericht, al {age}, en heeft nog niets gemeld. Soms moet u daar nog een stap zetten.",
        "{system} has the message, for {age} now, and has not reported. Sometimes you have a step to take there.",
    ),
    "msg_in_progress_las": ("{system} is ermee bezig, al {age}.", "{system} is working on it, for {age} now."),
    "msg_step": (
        "Nog een stap te zetten in {system}, al {age}. Weet u niet welke? Vraag het de leverancier.",
        "A step has to be taken in {system}, for {age} now. You do not know which? Ask the supplier.",
    ),
    "msg_usually": ("{who} doet er meestal minder dan {usual} over.", "{who} usually takes less than {usual}."),
    "msg_processed": ("DUO heeft dit verwerkt.", "DUO has processed this."),
    "msg_processed_with_signal": (
        "DUO heeft dit verwerkt, en meldt er iets bij. Lees de melding hieronder.",
        "DUO has processed this, with a remark. Read the signal below.",
    ),
    "msg_activated": ("{system} werkt ermee.", "{system} works with it."),
    "msg_rejected": (
        (
            "Afgewezen door DUO. Dit kunt u doen: lees de melding, herstel wat u kunt, en vraag DUO wat er nog nodig "
            "is. Houd de BRIN van de school en de code van de melding bij de hand."
        ),
        (
            "Rejected by DUO. What you can do: read the signal, mend what you can, and ask DUO what else is needed. "
            "Have the school's BRIN and the code of the signal at hand."
        ),
    ),
    "msg_declined": (
        "Geweigerd door {system}. Dit kunt u doen: lees de melding, en vraag de leverancier wat er nodig is.",
        "Declined by {system}. What you can do: read the signal, and ask the supplier what is needed.",
    ),
    "msg_dead": (
        "Dit bericht kon niet worden bezorgd. Dit kunt u doen: vraag Kennisnet om het opnieuw te sturen.",
        "This message could not be delivered. What you can do: ask Kennisnet to send it again.",
    ),
    "msg_superseded": ("Vervangen door een nieuwer bericht.", "Replaced by a newer message."),
    "msg_cancelled": ("Dit bericht is door de beheerder geannuleerd.", "An operator cancelled this message."),
    "msg_needs_routing": (
        "{system} weet nog niet van deze vestigingen, omdat een ander systeem daar ook een mandaat heeft.",
        "{system} does not know of these branches yet, because another system has a mandate there too.",
    ),
    "age_now": ("minder dan een minuut", "less than a minute"),
    "age_minute": ("1 minuut", "1 minute"),
    "age_minute_n": ("{n} minuten", "{n} minutes"),
    "age_hour": ("1 uur", "1 hour"),
    "age_hour_n": ("{n} uur", "{n} hours"),
    "age_day": ("1 dag", "1 day"),
    "age_day_n": ("{n} dagen", "{n} days"),
    "ask_duo": ("DUO", "DUO"),
    "ask_kennisnet": ("Kennisnet", "Kennisnet"),
    "call": ("bel", "call"),
    "or_mail": ("mail", "mail"),
    "look_at": ("kijk op", "see"),
    "kennisnet_hours": ("maandag t/m vrijdag 9.00-17.00 uur", "Monday to Friday, 9.00-17.00"),
    "contacts_title": ("Vragen?", "Questions?"),
    "contact_kennisnet": ("Over mandaten en deze pagina's", "About mandates and these pages"),
    "contact_duo": (
        "Over inloggen, en over verwerking van {services}",
        "About logging in, and about the processing of {services}",
    ),
    "contact_login": ("Over inloggen", "About logging in"),
    "contact_system": ("Over {system}", "About {system}"),
    "ways_unknown": ("vraag het de leverancier", "ask its supplier"),
    "now_in_force": ("Nu", "Now"),
    "coming": ("Straks", "Coming"),
    "refresh": ("Ververs deze pagina", "Refresh this page"),
    "live_on": ("Deze stand ververst vanzelf.", "This status refreshes by itself."),
    "news": ("De stand is veranderd.", "The status has changed."),
}
