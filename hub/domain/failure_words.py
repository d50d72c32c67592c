"""Says in Dutch why an attempt failed. In: the English words that are stored with it. Out: a sentence, if it is known.

Programs, logs and suppliers read the stored words; pages in Dutch read these.
"""

from __future__ import annotations

import re
from typing import Final

_STRANGE: Final = "laat de hele keten meesturen, of noem de uitgever in de instellingen van de hub"
_DUTCH: Final = (
    (r"answered (\d{3})\b.*redirects are not followed", "de ontvanger stuurde door ({0}); de hub volgt dat niet"),
    (r"answered (\d{3})\b", "de ontvanger antwoordde met fout {0}"),
    (r"closed the connection without an answer", "de ontvanger verbrak de verbinding zonder te antwoorden"),
    (r"name cannot be resolved", "de naam in het adres van de ontvanger is niet te vinden"),
    (r"no answer within ([\d.]+) s", "geen antwoord binnen {0} s"),
    (r"no connection within ([\d.]+) s", "geen verbinding binnen {0} s"),
    (r"has expired; it needs", "het certificaat van de ontvanger is verlopen"),
    (r"is not valid yet", "het certificaat van de ontvanger geldt nog niet; vergelijk de klokken"),
    (r"is for another name", "het certificaat van de ontvanger hoort bij een andere naam dan die in het adres"),
    (r"is self-signed", "de ontvanger heeft zijn certificaat zelf ondertekend; dat vertrouwt de hub niet"),
    (r"leads to no authority", f"de hub kent de uitgever van het certificaat van de ontvanger niet: {_STRANGE}"),
    (r"demands a client certificate: give", "de ontvanger vraagt een certificaat van de hub, en er is er geen"),
    (r"does not accept the client certificate", "de ontvanger aanvaardt het certificaat van de hub niet"),
    (r"speaks an old TLS only", "de ontvanger spreekt alleen een te oude TLS; 1.2 of 1.3 is nodig"),
    (r"does not speak TLS", "de ontvanger spreekt geen TLS op dit adres"),
    (r"refuses the TLS handshake", "de ontvanger weigert de TLS-verbinding, misschien vraagt hij een certificaat"),
    (r"closed during the TLS handshake", "de ontvanger verbrak de verbinding tijdens de TLS-handdruk"),
    (r"TLS failed", "de TLS-verbinding mislukte"),
    (r"no connection: connection refused", "geen verbinding: op dit adres luistert niets"),
    (r"no connection: connection reset", "geen verbinding: de ontvanger verbrak haar"),
    (r"no connection: (?:no route to host|network is unreachable)", "geen verbinding: er is geen weg naar dit adres"),
    (r"^no connection\b", "geen verbinding met de ontvanger"),
    (r"connections that one receiver may have", "alle verbindingen die één ontvanger mag hebben, zijn in gebruik"),
    (r"does not answer in HTTP|head of the receiver's answer", "de ontvanger antwoordt niet volgens HTTP"),
    (r"client certificate of the hub has expired", "het certificaat van de hub is verlopen"),
    (r"client certificate of the (hub|subscription)", "het certificaat van de hub is niet te gebruiken"),
    (r"has no address$", "de naam in het adres van de ontvanger heeft geen IP-adres"),
    (r"an address that is not public", "het adres van de ontvanger is niet openbaar; de hub roept het niet aan"),
    (r"only https is called", "het adres van de ontvanger begint niet met https"),
    (r"larger than the queue takes", "het bericht is groter dan de queue aanneemt"),
    (r"trusts no certificate authority", "deze machine vertrouwt geen enkele uitgever van certificaten"),
    (r"no name server answers", "er antwoordt geen naamserver"),
)


def failure_in_dutch(error: str) -> str | None:
    """Return the Dutch words for a failure; None for one that has none."""
    for pattern, words in _DUTCH:
        if found := re.search(pattern, error, re.IGNORECASE):
            return words.format(*found.groups())
    return None
