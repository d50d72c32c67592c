"""Postgres, the memory of the hub: the only package that speaks SQL.

`sql/*.sql` holds the named statements, `migrations/` the schema's history, and each module here one table family:
functions that take a connection first and leave the transaction to their caller.
"""
