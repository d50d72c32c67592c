"""What the pages say where one system follows another, and what they foresee of any change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "succession_title": ("U hebt al een systeem voor {service}", "You have a system for {service} already"),
    "succession_lead": (
        "Er is nog niets opgeslagen. Lees wat er gebeurt, en bevestig het.",
        "Nothing was saved yet. Read what will happen, and confirm it.",
    ),
    "succession_of": ("{new} komt in plaats van {old}", "{new} takes the place of {old}"),
    "old_without_end": ("{old} heeft een mandaat zonder einddatum.", "{old} has a mandate without an end date."),
    "old_until": ("{old} heeft een mandaat t/m {end}.", "{old} has a mandate through {end}."),
    "new_begins": ("{new} begint op {start}.", "{new} begins on {start}."),
    "old_stops": ("{old} heeft het dan nog t/m {end}.", "{old} then has it through {end}."),
    "old_stops_now": (
        (
            "{new} begint vandaag. Een einddatum kan niet in het verleden liggen. Daarom trekt u het mandaat van {old} "
            "in: {old} stopt vandaag, zodra u bevestigt."
        ),
        (
            "{new} begins today. An end date cannot lie in the past. So you withdraw the mandate of {old}: {old} "
            "stops today, as soon as you confirm."
        ),
    ),
    "old_never_begins": (
        (
            "Het mandaat van {old} zou pas op {old_start} ingaan. Het wordt ingetrokken zodra u bevestigt, en gaat dus "
            "niet in."
        ),
        "The mandate of {old} would begin on {old_start}. It is withdrawn as soon as you confirm, and never begins.",
    ),
    "new_ends": (
        "Let op: {new} heeft het mandaat t/m {end}. Daarna heeft {old} niet vanzelf weer een mandaat.",
        "Mind: {new} has the mandate through {end}. {old} does not get a mandate again by itself after that.",
    ),
    "routes_stay": (
        "De vestigingen met een routeringskenmerk houden het: {new} krijgt dezelfde kenmerken.",
        "Branches with a routing characteristic keep it: {new} gets the same ones.",
    ),
    "succession_confirm": ("Ja, {new} volgt {old} op", "Yes, {new} follows {old}"),
    "succession_back": ("Terug naar het formulier", "Back to the form"),
    "beside_title": (
        "Gebruikt uw school deze systemen echt tegelijk?",
        "Does your school really use these systems at the same time?",
    ),
    "beside_lead": (
        (
            "Bijvoorbeeld omdat een vestiging een eigen LAS heeft. Dan blijft het mandaat van {old} zoals het is, en "
            "krijgt {new} de vestigingen waarvoor u een routeringskenmerk koos."
        ),
        (
            "For example because a branch has a LAS of its own. Then the mandate of {old} stays as it is, and {new} "
            "gets the branches for which you chose a routing characteristic."
        ),
    ),
    "beside_branches": (
        "Kies in het formulier eerst bij 'Routeringskenmerk per vestiging' welke vestigingen {new} gaan gebruiken.",
        "First choose in the form, under 'Routing characteristic per branch', which branches will use {new}.",
    ),
    "beside_confirm": ("Ja, beide systemen blijven", "Yes, both systems stay"),
    "succeeded": (
        "Het nieuwe mandaat en het einde van het oude zijn opgeslagen.",
        "The new mandate and the end of the old one were saved.",
    ),
    "foreseen_title": ("Wie krijgt welk bericht, en wanneer", "Who is told what, and when"),
    "foreseen_nobody": ("Niemand krijgt hierover bericht.", "Nobody is told about this."),
    "foreseen_granted": ("mandaat voor {system} {period}", "mandate for {system} {period}"),
    "foreseen_ends": ("het mandaat van {system} loopt t/m {end}", "the mandate of {system} lasts through {end}"),
    "foreseen_amended": (
        "het mandaat van {system} geldt nu voor deze vestigingen",
        "the mandate of {system} now covers these branches",
    ),
    "foreseen_withdrawn": ("het mandaat van {system} is ingetrokken", "the mandate of {system} was withdrawn"),
    "foreseen_left": (
        "{system} wisselt voor deze vestigingen niet meer uit",
        "{system} does not exchange for these branches any more",
    ),
    "foreseen_started": ("het mandaat van {system} is ingegaan", "the mandate of {system} has started"),
    "foreseen_expired": ("het mandaat van {system} is afgelopen", "the mandate of {system} has ended"),
    "whole_school": ("hele school", "whole school"),
    "when_confirmed": ("zodra u bevestigt", "as soon as you confirm"),
    "when_day": ("op {day}", "on {day}"),
    "waits_held": ("wacht tot de beheerder het vrijgeeft", "waits until an operator releases it"),
    "waits_no_receiver": (
        "wacht tot {system} berichten van de hub ontvangt",
        "waits until {system} receives messages of the hub",
    ),
    "foreseen_silent": (
        (
            "{system} krijgt nog geen bericht over {branches}. Een ander systeem heeft daar ook een mandaat, en de "
            "vestigingen hebben geen routeringskenmerk."
        ),
        (
            "{system} is not told about {branches} yet. Another system has a mandate there too, and the branches have "
            "no routing characteristic."
        ),
    ),
    "divide_preview_lead": (
        "Er is nog niets opgeslagen. De verdeling geldt vanaf vandaag, zodra u bevestigt.",
        "Nothing was saved yet. The division holds from today, as soon as you confirm.",
    ),
    "divide_confirm": ("Ja, zo verdelen", "Yes, divide them so"),
    "divide_again": ("Anders verdelen", "Divide them otherwise"),
    "runs_on": (
        "{old} gaat door, terwijl {new} op {start} begint. Stapt u over? Laat {old} dan stoppen op {end}.",
        "{old} goes on, while {new} begins on {start}. Are you changing over? Then let {old} stop on {end}.",
    ),
    "runs_on_now": (
        "{old} gaat door, en {new} heeft nu ook een mandaat. Stapt u over? Laat {old} dan stoppen op {end}.",
        "{old} goes on, and {new} has a mandate now too. Are you changing over? Then let {old} stop on {end}.",
    ),
    "let_stop": ("Laat {old} stoppen", "Let {old} stop"),
    "what_to_do": ("Bekijk wat u kunt doen", "See what you can do"),
}
