"""Use case: acts on many deliveries at once, by delivery, mandate, school, destination, period or status.

In: what an operator chose, and why. Out: a preview that changes nothing; or an act with a list of what it has left to
do, that another person may have to approve. Next: whoever runs `work`, turn by turn, at the pace that was asked for.
"""

from hub.bulk.ask import Preview, Wanted, ask, preview
from hub.bulk.decide import approve, read, stop
from hub.bulk.work import Worked, work

__all__ = ["Preview", "Wanted", "Worked", "approve", "ask", "preview", "read", "stop", "work"]
