"""Use case: what can be seen. In: the memory. Out: lag per destination, status per branch, deliveries, the books.

Nothing here changes anything. Next: the API, the command line, the console and the metrics show it.
"""
