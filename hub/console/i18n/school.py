"""What the pages say on which a school's administrator works with mandates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "schools": ("Mandaten beheren", "Manage mandates"),
    "search_school": (
        "Zoek op naam, BRIN (vier tekens) of bestuursnummer",
        "Search by name, BRIN (four characters) or board number",
    ),
    "none_found": ("Geen school gevonden.", "No school was found."),
    "all_schools": ("Alle scholen", "All schools"),
    "board": ("Bestuur", "Board"),
    "closed_on": ("gesloten op", "closed on"),
    "mandates_of": ("Mandaten van {name}", "Mandates of {name}"),
    "school_lead": (
        (
            "Met een mandaat zegt uw school welk administratiesysteem (LAS) voor een dienst gegevens mag uitwisselen. "
            "Een mandaat geldt voor de hele school."
        ),
        (
            "By a mandate your school says which administration system (LAS) may exchange data for a service. "
            "A mandate is for the whole school."
        ),
    ),
    "read_only": (
        "U kunt deze mandaten bekijken. Alleen de school zelf kan ze wijzigen.",
        "You can look at these mandates. Only the school itself can change them.",
    ),
    "add": ("+ mandaat toevoegen", "+ add a mandate"),
    "history": ("Geschiedenis", "History"),
    "none_yet": ("Nog geen mandaat.", "No mandate yet."),
    "no_mandates": (
        "Deze school heeft nog geen mandaten gegeven.",
        "This school has not given any mandates yet.",
    ),
    "without": ("Diensten zonder mandaat", "Services without a mandate"),
    "over": ("Voorbij", "Over"),
    "open": ("Bekijken en wijzigen", "Look and change"),
    "look": ("Bekijken", "Look"),
    "copy": ("Kopiëren naar andere scholen", "Copy to other schools"),
    "withdraw": ("Intrekken", "Withdraw"),
    "withdrawn_on": ("ingetrokken op", "withdrawn on"),
    "no_end": ("zonder einddatum", "without an end date"),
    "no_branches": (
        "Dit mandaat geldt nu voor geen enkele vestiging: elke vestiging heeft een kenmerk bij een ander systeem.",
        "This mandate covers no branch now: each branch has a characteristic with another system.",
    ),
    "branch": ("Vestiging", "Branch"),
    "system": ("Administratiesysteem", "Administration system"),
    "routing": ("Routeringskenmerk", "Routing characteristic"),
    "no_routing": ("geen", "none"),
    "yes": ("ja", "yes"),
    "no": ("nee", "no"),
    "signal_Foutmelding": ("Foutmelding", "Error"),
    "signal_Melding": ("Melding", "Message"),
    "signal_Signaal": ("Signaal", "Signal"),
    "signal": ("Melding", "Signal"),
    "doubt_title": (
        "Twee systemen hebben een mandaat voor dezelfde vestigingen",
        "Two systems have a mandate for the same branches",
    ),
    "doubt": (
        (
            "Voor {service} hebben meer systemen een mandaat. Van {branches} is niet bekend welk systeem ze gebruiken. "
            "Daarom kreeg {systems} hierover nog geen bericht."
        ),
        (
            "Several systems have a mandate for {service}. It is not known which of them {branches} use. So "
            "{systems} got no message about them yet."
        ),
    ),
    "doubt_do": (
        "Blijft u beide systemen gebruiken? Kies dan per vestiging het systeem. Die krijgt een routeringskenmerk.",
        "Will you go on using both? Then choose the system of each branch. It gets a routing characteristic.",
    ),
    "divide": ("Vestigingen verdelen", "Divide the branches"),
    "divide_title": ("Vestigingen verdelen voor {service}", "Divide the branches for {service}"),
    "divide_lead": (
        (
            "Kies per vestiging welk systeem daar wordt gebruikt. Elke vestiging die u kiest, krijgt een vrij "
            "routeringskenmerk bij dat systeem. Weet u het nog niet? Laat de keuze dan open."
        ),
        (
            "Choose for each branch which system is used there. Each branch that you choose gets a free routing "
            "characteristic with that system. You do not know yet? Then leave it open."
        ),
    ),
    "divide_later": ("nog niet kiezen", "do not choose yet"),
    "divide_nothing": ("Kies voor ten minste één vestiging een systeem.", "Choose a system for at least one branch."),
    "divide_done": (
        "Voor deze dienst zijn er geen vestigingen meer te verdelen.",
        "No branches are left to divide for this service.",
    ),
    "new": ("Mandaat toevoegen", "Add a mandate"),
    "new_service": ("Voor welke dienst is het mandaat?", "Which service is the mandate for?"),
    "new_service_lead": (
        "Daarna kiest u het administratiesysteem en de begindatum.",
        "Next you choose the administration system and the start date.",
    ),
    "go_on": ("Verder", "Continue"),
    "other_service": ("Andere dienst kiezen", "Choose another service"),
    "choose_system": ("Kies een systeem", "Choose a system"),
    "systems_hint": (
        "Alleen systemen die aan deze dienst meedoen.",
        "Only systems that offer this service.",
    ),
    "no_systems": (
        "Er is nog geen systeem dat aan deze dienst meedoet.",
        "There is no system yet that offers this service.",
    ),
    "start": ("Begindatum", "Start date"),
    "start_hint": ("Als dag-maand-jaar. Vandaag of later.", "As day-month-year. Today or later."),
    "start_fixed": ("Het mandaat is ingegaan; de begindatum staat vast.", "It has started; its start date is fixed."),
    "end": ("Einddatum", "End date"),
    "end_hint": (
        "De laatste dag dat het mandaat geldt. Leeg: tot u het intrekt.",
        "The last day on which the mandate counts. Empty: until you withdraw it.",
    ),
    "per_branch": ("Routeringskenmerk per vestiging", "Routing characteristic per branch"),
    "per_branch_lead": (
        "Alleen nodig als vestigingen een eigen administratie hebben, of als deze dienst een tweede systeem heeft.",
        "Only needed when branches have administrations of their own, or when this service has a second system.",
    ),
    "how_none": ("geen eigen kenmerk", "none of its own"),
    "how_free": ("geef een vrij kenmerk", "assign a free one"),
    "how_own": ("dit kenmerk:", "this one:"),
    "own_of": ("Kenmerk van {branch}", "Characteristic of {branch}"),
    "first_free": ("Het eerste vrije kenmerk is {routing}.", "The first free one is {routing}."),
    "own_missing": ("Vul het kenmerk in, of kies een vrij kenmerk.", "Fill it in, or choose a free one."),
    "granted": ("Het mandaat is opgeslagen.", "The mandate was saved."),
    "amended": ("De datums zijn opgeslagen.", "The dates were saved."),
    "routed": ("Het routeringskenmerk is opgeslagen.", "The routing characteristic was saved."),
    "divided": ("De keuze is opgeslagen.", "The choice was saved."),
    "withdrawn": ("Het mandaat is ingetrokken.", "The mandate was withdrawn."),
    "told_next": (
        "Hieronder ziet u per vestiging hoe het staat met het bericht aan DUO of de leverancier.",
        "Below you see for each branch how the message to DUO or the supplier is doing.",
    ),
    "mandate_of": ("{service}: mandaat voor {system}", "{service}: mandate for {system}"),
    "dates": ("Datums wijzigen", "Change the dates"),
    "dates_before": ("Nu", "Now"),
    "dates_after": ("Wordt", "Becomes"),
    "dates_confirm": ("Ja, deze datums opslaan", "Yes, save these dates"),
    "dates_other": ("Andere datums", "Other dates"),
    "dates_stale": (
        "Iemand anders heeft dit mandaat gewijzigd terwijl u bezig was. Er is niets opgeslagen. Dit is er gewijzigd:",
        "Somebody else changed this mandate while you were editing it. Nothing was saved. This was changed:",
    ),
    "dates_again": (
        "Wat u invulde staat er nog. Klopt het nog steeds? Ga dan verder.",
        "What you filled in is still there. Is it still right? Then continue.",
    ),
    "given_on": ("Gegeven op", "Given on"),
    "copied_from": ("Kopie van een mandaat van een andere school", "A copy of another school's mandate"),
    "what_changed": ("Wat er met dit mandaat gebeurde", "What happened to this mandate"),
    "change_routing": ("Wijzigen", "Change"),
    "routing_of": ("Routeringskenmerk van {branch}", "Routing characteristic of {branch}"),
    "routing_lead": (
        "Met een eigen routeringskenmerk komen berichten over deze vestiging in haar eigen administratie terecht.",
        "With a routing characteristic of its own, messages about this branch reach its own administration.",
    ),
    "routing_confirm": ("Ja, zo opslaan", "Yes, save it so"),
    "routing_other": ("Iets anders kiezen", "Choose something else"),
    "keep_none": ("Geen eigen kenmerk", "None of its own"),
    "take_free": ("Een vrij kenmerk", "A free one"),
    "take_own": ("Dit kenmerk", "This one"),
    "choose_one": ("Maak een keuze.", "Choose one."),
    "withdraw_title": ("Mandaat intrekken", "Withdraw the mandate"),
    "withdraw_lead": (
        (
            "U trekt het mandaat van {system} voor {service} in. Het stopt direct. {system} mag dan geen gegevens meer "
            "uitwisselen voor deze dienst. Dit kunt u niet ongedaan maken; wel kunt u een nieuw mandaat geven."
        ),
        (
            "You withdraw the mandate of {system} for {service}. It ends at once. {system} may then not exchange data "
            "for this service any more. This cannot be undone; but you can give a new mandate."
        ),
    ),
    "withdraw_reason": ("Waarom trekt u het in?", "Why do you withdraw it?"),
    "withdraw_confirm": ("Ja, mandaat intrekken", "Yes, withdraw the mandate"),
    "copy_title": ("Mandaat kopiëren", "Copy the mandate"),
    "copy_lead": (
        (
            "U kopieert het mandaat van {system} voor {service} ({period}) naar andere scholen van u. Dat kan alleen "
            "naar scholen die voor deze dienst hetzelfde systeem gebruiken, of er nog geen hebben. Eerst ziet u wat er "
            "gaat gebeuren."
        ),
        (
            "You copy the mandate of {system} for {service} ({period}) to other schools of yours. That works only for "
            "schools that use the same system for this service, or none yet. You first see what will happen."
        ),
    ),
    "copy_to": ("Naar welke scholen?", "To which schools?"),
    "copy_filter": ("Zoek op naam, BRIN of bestuursnummer", "Search by name, BRIN or board number"),
    "copy_none": ("U hebt geen andere scholen om naar te kopiëren.", "You have no other schools to copy to."),
    "copy_later": (
        "Wijzigen of intrekken kan niet voor meer scholen tegelijk: dat doet u per school.",
        "Changing or withdrawing works for one school at a time only.",
    ),
    "go_next": ("Volgende", "Next"),
    "copy_all": ("Alle scholen die kunnen, en volgende", "All schools that can, and next"),
    "copy_cannot": ("{n} school kan niet", "{n} school cannot"),
    "copy_cannot_n": ("{n} scholen kunnen niet", "{n} schools cannot"),
    "copy_messages": ("over {n} school", "about {n} school"),
    "copy_messages_n": ("over elk van {n} scholen", "about each of {n} schools"),
    "no_agreement_yet": ("uw bestuur heeft hiervoor nog geen overeenkomst", "your board has no agreement for this yet"),
    "no_agreement_says": (
        "Uw bestuur heeft de overeenkomst voor {service} nog niet getekend. Pas daarna kunt u een mandaat geven.",
        "Your board has not signed the agreement for {service} yet. Only then can you give a mandate for it.",
    ),
    "copy_choose": ("Kies ten minste één school.", "Choose at least one school."),
    "copy_preview_title": ("Dit gaat er gebeuren", "This will happen"),
    "copy_will": ("{n} school krijgt dit mandaat", "{n} school gets this mandate"),
    "copy_will_n": ("{n} scholen krijgen dit mandaat", "{n} schools get this mandate"),
    "copy_wont": ("{n} school wordt overgeslagen", "{n} school is skipped"),
    "copy_wont_n": ("{n} scholen worden overgeslagen", "{n} schools are skipped"),
    "copy_confirm": ("Bevestigen: kopiëren naar {n} school", "Confirm: copy to {n} school"),
    "copy_confirm_n": ("Bevestigen: kopiëren naar {n} scholen", "Confirm: copy to {n} schools"),
    "copy_nobody": ("Er is geen school die dit mandaat kan krijgen.", "There is no school that can get this mandate."),
    "copy_again": ("Andere scholen kiezen", "Choose other schools"),
    "copy_same": ("gebruikt dit systeem al voor deze dienst", "uses this system for this service already"),
    "copy_first": ("heeft voor deze dienst nog geen systeem", "has no system for this service yet"),
    "copy_current": ("nu: {system}", "now: {system}"),
    "copy_done_title": ("Dit is er gebeurd", "This is what happened"),
    "copy_made": ("{n} school kreeg dit mandaat", "{n} school got this mandate"),
    "copy_made_n": ("{n} scholen kregen dit mandaat", "{n} schools got this mandate"),
    "copy_left": ("{n} school is overgeslagen", "{n} school was skipped"),
    "copy_left_n": ("{n} scholen zijn overgeslagen", "{n} schools were skipped"),
    "copy_created": ("mandaat gegeven", "mandate given"),
    "copy_more": (
        "Dit zijn de eerste {n} scholen. Zoek op naam of bestuur om andere te vinden.",
        "These are the first {n} schools. Search by name or board to find others.",
    ),
    "to_school": ("Terug naar de school", "Back to the school"),
    "to_mandate": ("Terug naar het mandaat", "Back to the mandate"),
    "who": ("Wie", "Who"),
    "history_lead": (
        "Wie wat wijzigde aan de mandaten van deze school, het nieuwste eerst.",
        "Who changed what of this school's mandates, newest first.",
    ),
    "history_none": ("Er is nog niets gewijzigd.", "Nothing was changed yet."),
    "yourself": ("u", "you"),
}
