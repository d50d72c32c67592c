"""Use case: acts on many deliveries at once, by delivery, mandate, school, destination, period or status.

In: what an operator chose, and why. Out: a preview that changes nothing; or an act with a list of what it has left to
do, that another person may have to approve. Next: whoever runs `run_batch`, turn by turn, at the pace that was asked for.
"""

from hub.operations.bulk.decide import approve, read, stop
from hub.operations.bulk.request import BulkJobRequest, BulkPreview, preview, submit
from hub.operations.bulk.work import BatchResult, run_batch

__all__ = ["BatchResult", "BulkJobRequest", "BulkPreview", "approve", "preview", "read", "run_batch", "stop", "submit"]
