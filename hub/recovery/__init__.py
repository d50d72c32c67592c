"""Two memories, each rebuilds the other: the published log and the database, compared and brought together.

In: `osr.mandates.v1` and PostgreSQL. Out: events that only the log has, recorded again (`recover`); events that only
the database has, published again (`producers.relay`, by `compare`); and processes that wait while the log is ahead.
"""

from hub.recovery.compare import Comparison, compare, read_missing
from hub.recovery.gate import wait_until_caught_up
from hub.recovery.recover import RecoveryRequest, RecoveryResult, recover

__all__ = [
    "Comparison",
    "RecoveryRequest",
    "RecoveryResult",
    "compare",
    "read_missing",
    "recover",
    "wait_until_caught_up",
]
