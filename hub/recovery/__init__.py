"""Two memories, each rebuilds the other: the published log and the database, compared and brought together.

In: `osr.mandates.v1` and PostgreSQL. Out: events that only the log has, recorded again (`recover`); events that only
the database has, published again (`producers.relay`, by `compare`); and nobody who goes on while the log is ahead.
"""

from hub.recovery.compare import Comparison, compare, missing_from
from hub.recovery.gate import until_level
from hub.recovery.recover import Order, Recovered, recover

__all__ = ["Comparison", "Order", "Recovered", "compare", "missing_from", "recover", "until_level"]
