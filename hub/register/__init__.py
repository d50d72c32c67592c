"""Use cases: mandates are granted, amended, withdrawn and copied; routing is assigned; dates arrive.

In: a request, a connection inside the caller's transaction, the time. Out: mandates, numbered events and outbox entries
for the relay, all in that transaction. Next: producers.relay. Each use case locks the rows of its schools in key order.
"""

from hub.domain.rules import GrantRequest, PartialGrant
from hub.register.amend import UNCHANGED, DateChange, amend, prepare_amendment, prepare_withdrawal, withdraw
from hub.register.author import Author, VersionCheck, exactly
from hub.register.calendar import arrive, due
from hub.register.check import check_amendment, check_grant
from hub.register.copies import CopyRequest, CopyResult, copy
from hub.register.foreseen import (
    DatedEvent,
    foresee_amendment,
    foresee_division,
    foresee_routing,
    foresee_withdrawal,
)
from hub.register.grant import grant, prepare_grant
from hub.register.routing import (
    assign_routing,
    available_routing,
    prepare_routing,
    prepare_routing_removal,
    remove_routing,
)
from hub.register.school_change import SchoolChange, make, make_together
from hub.register.succession import Succession, SuccessionRequest, succeed
from hub.register.write import Moment, moment

__all__ = [
    "UNCHANGED",
    "Author",
    "CopyRequest",
    "CopyResult",
    "DateChange",
    "DatedEvent",
    "GrantRequest",
    "Moment",
    "PartialGrant",
    "SchoolChange",
    "Succession",
    "SuccessionRequest",
    "VersionCheck",
    "amend",
    "arrive",
    "assign_routing",
    "available_routing",
    "check_amendment",
    "check_grant",
    "copy",
    "due",
    "exactly",
    "foresee_amendment",
    "foresee_division",
    "foresee_routing",
    "foresee_withdrawal",
    "grant",
    "make",
    "make_together",
    "moment",
    "prepare_amendment",
    "prepare_grant",
    "prepare_routing",
    "prepare_routing_removal",
    "prepare_withdrawal",
    "remove_routing",
    "succeed",
    "withdraw",
]
