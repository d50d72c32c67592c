"""Use case: read the state of the hub. In: the database. Out: lag per destination, status per branch, ledger check.

Nothing here writes. Next: the API, the command line, the console and the metrics show it.
"""
