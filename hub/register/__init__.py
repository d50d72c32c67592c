"""Use cases: mandates are granted, amended, withdrawn and copied; routing is assigned; dates arrive.

In: a wish, a connection inside the caller's transaction, the time. Out: mandates, numbered events and errands for the
relay, all in that transaction. Next: producers.relay. Each use case holds the rows of its schools, in key order.
"""

from hub.domain.rules import Wish
from hub.register.amend import AS_IT_IS, Patch, amend, withdraw
from hub.register.calendar import arrive, due
from hub.register.copies import CopyResult, Order, copy
from hub.register.grant import grant
from hub.register.moment import Moment, moment
from hub.register.noted import differences, identity
from hub.register.routing import assign_routing, available_routing, remove_routing

__all__ = [
    "AS_IT_IS",
    "CopyResult",
    "Moment",
    "Order",
    "Patch",
    "Wish",
    "amend",
    "arrive",
    "assign_routing",
    "available_routing",
    "copy",
    "differences",
    "due",
    "grant",
    "identity",
    "moment",
    "remove_routing",
    "withdraw",
]
