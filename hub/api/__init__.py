"""The HTTP API under `/v1`. In: requests. Out: JSON, or problems. Next: use cases.

`app` builds the application. `middleware` wraps every request, `auth` authenticates the caller, `problems` turns errors
into answers. `state` provides connections, the clock and notifications; `bodies` and `parameters` read requests. Each
other module is a resource with its `router`; what it answers with lies in `hub.views`.
"""
