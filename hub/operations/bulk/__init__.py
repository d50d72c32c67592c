"""Use case: bulk jobs on deliveries, chosen by delivery, mandate, school, destination, period or status.

In: a selection and a reason. Out: a preview that changes nothing; or a job with its list of items, which a second
person may have to approve. Next: `run_batch`, batch by batch, at the requested rate.
"""

from hub.operations.bulk.decide import approve, read, stop
from hub.operations.bulk.request import BulkJobRequest, BulkPreview, preview, submit
from hub.operations.bulk.work import BatchResult, run_batch

__all__ = ["BatchResult", "BulkJobRequest", "BulkPreview", "approve", "preview", "read", "run_batch", "stop", "submit"]
