"""What the page says on which a school is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "overview_lead": (
        "Dit zijn uw scholen. Kies een school om haar mandaten te zien, te geven of te wijzigen.",
        "These are your schools. Choose one to see, give or change its mandates.",
    ),
    "overview_lead_operator": (
        "Dit zijn alle scholen. Kies een school om haar mandaten te zien.",
        "These are all schools. Choose one to see its mandates.",
    ),
    "overview_filter": ("Welke scholen wilt u zien?", "Which schools do you want to see?"),
    "overview_all": ("Alle scholen", "All schools"),
    "need_actie": ("Iets te doen", "Something to do"),
    "need_wacht": ("Wacht op verwerking", "Awaits processing"),
    "need_orde": ("In orde", "In order"),
    "need_geen": ("Geen mandaten", "No mandates"),
    "overview_order": ("Volgorde", "Order"),
    "order_need": ("eerst wat aandacht vraagt", "what needs attention first"),
    "order_name": ("op naam", "by name"),
    "overview_none": ("Geen van deze scholen. ", "None of these schools. "),
    "overview_many": (
        "Er zijn meer dan {n} scholen. Zoek op naam of bestuur: dan ziet u ook bij welke scholen iets te doen is.",
        "There are more than {n} schools. Search by name or board to see also which of them have something to do.",
    ),
    "sum_actie": ("1 mandaat vraagt iets van u", "1 mandate needs something from you"),
    "sum_actie_n": ("{n} mandaten vragen iets van u", "{n} mandates need something from you"),
    "sum_wacht": ("1 wacht op verwerking", "1 awaits processing"),
    "sum_wacht_n": ("{n} wachten op verwerking", "{n} await processing"),
    "sum_orde": ("1 mandaat in orde", "1 mandate in order"),
    "sum_orde_n": ("{n} mandaten in orde", "{n} mandates in order"),
    "sum_coming": ("1 begint later", "1 begins later"),
    "sum_coming_n": ("{n} beginnen later", "{n} begin later"),
}
