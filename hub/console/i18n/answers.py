"""Answers to what people ask, each beside the field that it is about, and what each service is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "help_who": ("Wie kan mandaten geven?", "Who can give mandates?"),
    "help_who_says": (
        (
            "Wie in Mijn DUO de rol OSR-toegang heeft voor uw school of bestuur. De beheerder Mijn DUO van uw"
            " organisatie geeft die rol."
        ),
        (
            "Those who have the role OSR-toegang in Mijn DUO for your school or board. Your organisation's "
            "beheerder Mijn DUO gives that role."
        ),
    ),
    "help_wait": ("Waarom werkt het nog niet?", "Why does it not work yet?"),
    "help_wait_says": (
        (
            "Na het opslaan moet de ontvanger het mandaat nog verwerken. BRON po, Verzuim en RIO verwerkt "
            "DUO; dat kan even duren. Bij VVA moet u soms eerst zelf een stap zetten in uw LAS. Per vestiging"
            " ziet u hier hoe ver het is, en wie u kunt bellen."
        ),
        (
            "After saving, the receiver still has to process the mandate. DUO processes BRON po, Verzuim and "
            "RIO, which may take some time. For VVA you may first have a step to take in your LAS. Here you "
            "see for each branch how far it is, and whom to call."
        ),
    ),
    "help_agreement": ("Wat moet het bestuur regelen?", "What does the board arrange?"),
    "help_agreement_says": (
        (
            "Het bestuur tekent één keer een overeenkomst met Kennisnet. Het gebruik is gratis. Krijgt het "
            "bestuur een andere naam? Dan blijft de overeenkomst geldig. VVA vraagt een eigen overeenkomst."
        ),
        (
            "The board signs an agreement with Kennisnet once. Use is free of charge. If the board changes "
            "its name, the agreement stays valid. VVA takes an agreement of its own."
        ),
    ),
    "help_system": ("Gebruikt een vestiging een ander systeem?", "Does a branch use another system?"),
    "help_system_says": (
        (
            "Gebruiken al uw vestigingen hetzelfde LAS? Dan is één mandaat genoeg. Gebruikt een vestiging een"
            " ander LAS? Geef dan ook dat LAS een mandaat, en kies bij de routeringskenmerken welke "
            "vestigingen erbij horen."
        ),
        (
            "Do all your branches use the same LAS? Then one mandate is enough. Does a branch use another "
            "LAS? Then give that LAS a mandate too, and choose its branches at the routing characteristics."
        ),
    ),
    "help_missing": ("Staat uw systeem er niet bij?", "Is your system not listed?"),
    "help_missing_says": (
        "Dan doet het nog niet mee aan deze dienst. Vraag de leverancier wanneer dat wel zo is.",
        "Then it does not offer this service yet. Ask its supplier when it will.",
    ),
    "help_start": ("Welke begindatum?", "Which start date?"),
    "help_start_says": (
        (
            "Vandaag, als uw school het systeem al gebruikt. Stapt u over, bijvoorbeeld op 1 augustus? Kies "
            "dan die dag: het mandaat gaat dan vanzelf in, en het oude systeem werkt door t/m de dag ervoor."
        ),
        (
            "Today, if your school uses the system already. Are you changing over, say on 1 August? Then "
            "choose that day: the mandate starts by itself, and the old system works through the day before."
        ),
    ),
    "help_end": ("Is een einddatum nodig?", "Is an end date needed?"),
    "help_end_says": (
        ("Nee. Vul hem alleen in als u al weet wanneer uw school met dit systeem stopt. Later kan het ook nog."),
        ("No. Fill it in only if you know already when your school stops using this system. You can do so later, too."),
    ),
    "help_routing": ("Wanneer is een routeringskenmerk nodig?", "When is a routing characteristic needed?"),
    "help_routing_says": (
        (
            "Als vestigingen elk een eigen omgeving in het LAS hebben. U geeft dan één mandaat, en elke "
            "vestiging een eigen kenmerk; zo komen berichten in de goede administratie. Hebt u al een kenmerk"
            " van uw leverancier? Vul dat in. Anders geeft de hub een vrij kenmerk; geef dat door aan uw "
            "leverancier."
        ),
        (
            "When branches each have an environment of their own in the LAS. You then give one mandate, and "
            "each branch a characteristic of its own, so that messages reach the right administration. Did "
            "your supplier give you one? Fill it in. Otherwise the hub assigns a free one; tell it to your "
            "supplier."
        ),
    ),
    "help_copy": ("Waarom kan ik een school niet kiezen?", "Why can I not choose a school?"),
    "help_copy_says": (
        (
            "Kopiëren kan naar scholen die voor deze dienst hetzelfde systeem gebruiken of er nog geen "
            "hebben. Gebruikt een school een ander systeem? Open die school, en voeg daar een mandaat toe: "
            "dan kiest u of het oude stopt."
        ),
        (
            "You can copy to schools that use the same system for this service, or none yet. Does a school "
            "use another system? Open that school and add a mandate there: you then choose whether the old "
            "one stops."
        ),
    ),
    "service_list": ("Diensten", "Services"),
    "service_list_lead": (
        (
            "Voor deze diensten geeft uw school een mandaat: wat de dienst is, wie uw mandaat verwerkt, welke"
            " systemen meedoen."
        ),
        (
            "Your school gives mandates for these services: what each is, who processes your mandate, which "
            "systems offer it."
        ),
    ),
    "service_list_link": ("Wat zijn deze diensten?", "What are these services?"),
    "service_what": ("Wat is het?", "What is it?"),
    "service_who": ("Wie verwerkt het mandaat?", "Who processes the mandate?"),
    "service_who_duo": (
        "DUO. U ziet bij uw school wanneer dat is gebeurd.",
        "DUO. You see at your school when that has happened.",
    ),
    "service_who_las": (
        "Het LAS zelf. Soms moet uw school daar nog een stap zetten; u ziet dat bij uw school.",
        "The LAS itself. Sometimes your school has a step to take there; you see that at your school.",
    ),
    "service_usual": ("Hoe lang duurt dat?", "How long does that take?"),
    "service_usual_says": ("Meestal minder dan {usual}.", "Usually less than {usual}."),
    "service_systems": ("Welke systemen doen mee?", "Which systems offer it?"),
    "service_no_systems": ("Nog geen.", "None yet."),
    "about_BRON_PO": (
        (
            "Uw school geeft met haar LAS aan DUO door welke leerlingen zij heeft. DUO houdt dat bij in het "
            "Register Onderwijsdeelnemers (ROD); daarop is de bekostiging gebaseerd."
        ),
        (
            "Your school tells DUO by its LAS which pupils it has. DUO keeps that in the register of pupils "
            "(ROD), on which funding is based."
        ),
    ),
    "about_VERZUIM": (
        ("Uw school meldt verzuim van leerlingen vanuit haar LAS. DUO geeft de melding door aan de gemeente."),
        ("Your school reports absence of pupils from its LAS. DUO passes the report on to the municipality."),
    ),
    "about_RIO": (
        (
            "Uw bestuur legt in het register RIO vast welk onderwijs het waar geeft. Andere uitwisseling met "
            "DUO, zoals BRON po, gebruikt die gegevens."
        ),
        (
            "Your board records in the register RIO which education it gives where. Other exchange with DUO, "
            "such as BRON po, uses those data."
        ),
    ),
    "about_VVA": (
        (
            "Voorziening Vroegtijdig Aanmelden mbo: uw school ziet in haar LAS of een leerling zich bij een "
            "mbo-school heeft aangemeld, en hoe het daarmee staat."
        ),
        (
            "Early enrolment for vocational education (VVA): your school sees in its LAS whether a pupil "
            "applied to a vocational school, and how that goes."
        ),
    ),
    "about_other": (
        "Vraag Kennisnet wat deze dienst voor uw school doet.",
        "Ask Kennisnet what this service does for your school.",
    ),
}
